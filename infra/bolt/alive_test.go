//go:build unix

package bolt_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/infra/bolt"
)

// childLock names the file whose lock a child process of the test shall have until it is killed.
const childLock = "POSTROOM_TEST_BOLT_LOCK"

func lockUntilKilled(path string) error {
	p, err := bolt.OpenProvision(path)
	if err == nil {
		err = p.Lock(context.Background(), "child", opened, opened.Add(time.Hour))
	}
	if err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// TestLockOfTheDead: a lock is the next one's as soon as the process that had it is gone, and not before.
func TestLockOfTheDead(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "provision.db")
	child := exec.Command(exe)
	child.Env = append(os.Environ(), childLock+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := child.StdinPipe(); err != nil { // which it waits at
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if lines := bufio.NewScanner(out); !lines.Scan() || lines.Text() != "locked" {
		t.Fatalf("the child said %q", lines.Text())
	}
	p := openProvision(t, path)
	locked := (*provision.Locked)(nil)
	if err := p.Lock(t.Context(), "next", opened, opened.Add(time.Hour)); !errors.As(err, &locked) || locked.Holder != "child" {
		t.Errorf("got %v, want that the child has the lock", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	if err := p.Lock(t.Context(), "next", opened, opened.Add(time.Hour)); err != nil {
		t.Errorf("the one that had the lock was killed: %v", err)
	}
	if err := openProvision(t, path).Lock(t.Context(), "third", opened, opened.Add(time.Hour)); !errors.As(err, &locked) || locked.Holder != "next" {
		t.Errorf("got %v, want that the next one has the lock", err)
	}
	if err := p.Unlock(t.Context(), "next"); err != nil {
		t.Error(err)
	}
	if err := p.Lock(t.Context(), "third", opened, opened.Add(time.Hour)); err != nil {
		t.Errorf("it was given back: %v", err)
	}
}
