// Package engine runs DynamoDB for tests on one machine: Dynoxide, pinned by the package-lock.json beside this file. It
// keeps everything in memory and is gone with the process that started it.
//
// What it does not do like the real one: it never raises TransactionConflict, never throttles, never makes an eventually
// consistent read stale, and does not delete by TTL.
package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Engine is one running process.
type Engine struct {
	// Endpoint is its URL, http://127.0.0.1:port.
	Endpoint string

	stop  func()
	ended <-chan struct{}
}

// ErrNotInstalled says that there is no engine to run; the text says how to get it.
var ErrNotInstalled = errors.New("the DynamoDB engine for tests is not installed: run \"make engine\"")

// Binary finds the installed engine in the repository around the working directory. It fails with ErrNotInstalled.
func Binary() (string, error) {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return "", errors.New("the DynamoDB engine for tests runs on linux/amd64 only")
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod around the working directory: the engine is looked for in the repository")
		}
		dir = up
	}
	path := filepath.Join(dir, "infra", "dynamo", "engine", "node_modules", "@dynoxide", "linux-x64", "dynoxide")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", ErrNotInstalled
	}
	return path, nil
}

// ready is how long an engine may take to accept connections; it takes about 10 ms.
const ready = 20 * time.Second

// Run starts the engine at path, in memory, on a free port of the loopback interface, and returns once it answers. On
// Linux it ends with this process, however that ends.
func Run(path string) (*Engine, error) {
	var err error
	for range 3 { // somebody else may have taken the port in between
		var e *Engine
		if e, err = run(path); err == nil {
			return e, nil
		}
	}
	return nil, fmt.Errorf("engine: start %s: %w", path, err)
}

func run(path string) (*Engine, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().(*net.TCPAddr)
	if err := l.Close(); err != nil {
		return nil, err
	}
	var said bytes.Buffer
	cmd := exec.Command(path, "--host", "127.0.0.1", "--port", fmt.Sprint(addr.Port))
	cmd.Stdout, cmd.Stderr = &said, &said
	dieWithParent(cmd)
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The kernel ends the child with the thread that started it, so that thread must stay.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	e := &Engine{Endpoint: "http://" + addr.String(), ended: ended}
	e.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	for deadline := time.Now().Add(ready); ; {
		c, err := net.DialTimeout("tcp", addr.String(), time.Second)
		if err == nil {
			return e, c.Close()
		}
		select {
		case <-ended:
			return nil, fmt.Errorf("it ended at once and said: %s", bytes.TrimSpace(said.Bytes()))
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			e.stop()
			return nil, fmt.Errorf("it did not answer within %s", ready)
		}
	}
}

// Close ends the engine and all it has kept. It may be called again.
func (e *Engine) Close() { e.stop() }

// Client is a client of the real SDK for an engine or a Meter at that URL.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

var shared = sync.OnceValues(func() (*Engine, error) {
	path, err := Binary()
	if err != nil {
		return nil, err
	}
	return Run(path)
})

// Start gives a client of the one engine that all tests of this process share; each test makes a table of its own. Where
// the engine is not installed or cannot run, the test is skipped and says what to do.
func Start(t testing.TB) *dynamodb.Client {
	t.Helper()
	return Client(Endpoint(t))
}

// Endpoint is the URL of the engine that Start uses; it skips as Start does.
func Endpoint(t testing.TB) string {
	t.Helper()
	if _, err := Binary(); err != nil {
		t.Skip(err)
	}
	e, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return e.Endpoint
}
