package engine_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/infra/dynamo/engine"
)

// childMark makes the test's process a child that runs an engine until it is killed.
const childMark = "POSTROOM_TEST_ENGINE_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childMark) == "" {
		os.Exit(m.Run())
	}
	path, err := engine.Binary()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	e, err := engine.Run(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(strings.TrimPrefix(e.Endpoint, "http://"))
	select {}
}

// TestEndsWithItsParent kills a process that runs an engine, which cannot clean up.
func TestEndsWithItsParent(t *testing.T) {
	t.Parallel()
	if _, err := engine.Binary(); err != nil {
		t.Skip(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(exe)
	child.Env = append(os.Environ(), childMark+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the child said nothing: %v", child.Wait())
	}
	c, err := net.Dial("tcp", lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	// The engine holds the connection as long as it lives.
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the engine is alive after its parent was killed: %v", err)
	}
}
