package bolt_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
	"go.etcd.io/bbolt"
)

const support = inbox.MailboxID("support@contoso.com")

var opened = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// file is a database that can be closed and opened again.
type file struct {
	t    *testing.T
	path string
	opts bolt.Options
	db   *bolt.DB
}

func newFile(t *testing.T, opts bolt.Options) *file {
	t.Helper()
	f := &file{t: t, path: filepath.Join(t.TempDir(), "postroom.db"), opts: opts}
	f.open()
	t.Cleanup(func() {
		if err := f.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func (f *file) open() *bolt.DB {
	f.t.Helper()
	db, err := bolt.Open(f.path, f.opts)
	if err != nil {
		f.t.Fatal(err)
	}
	db.NoSync()
	f.db = db
	return db
}

func (f *file) reopen() *bolt.DB {
	f.t.Helper()
	if err := f.db.Close(); err != nil {
		f.t.Fatal(err)
	}
	return f.open()
}

func TestStore(t *testing.T) {
	t.Parallel()
	coretest.Store(t, func(t *testing.T) (pipeline.Store, func() pipeline.Store) {
		f := newFile(t, bolt.Options{})
		return f.db, func() pipeline.Store { return f.reopen() }
	})
}

func TestQueue(t *testing.T) {
	t.Parallel()
	coretest.Queue(t, func(t *testing.T, visibility time.Duration) (pipeline.Queue, func() pipeline.Queue) {
		f := newFile(t, bolt.Options{Visibility: visibility})
		return f.db, func() pipeline.Queue { return f.reopen() }
	})
}

func TestWatches(t *testing.T) {
	t.Parallel()
	coretest.Watches(t, func(t *testing.T) (pipeline.Watches, func() pipeline.Watches) {
		f := newFile(t, bolt.Options{})
		return f.db, func() pipeline.Watches { return f.reopen() }
	})
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	t.Parallel()
	f := newFile(t, bolt.Options{})
	info, err := os.Stat(f.path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the file has permissions %o, want 600", got)
	}
}

func TestSecondOpenerIsTold(t *testing.T) {
	t.Parallel()
	f := newFile(t, bolt.Options{})
	_, err := bolt.Open(f.path, bolt.Options{LockTimeout: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), f.path) || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("got %v, want that %s is in use", err, f.path)
	}
}

func TestNoDirectory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "none", "postroom.db")
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, want an error that names %s", err, path)
	}
}

// TestFileOfAnotherFormat is a file of a version to come, and one that is none of ours.
func TestFileOfAnotherFormat(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "postroom.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	b, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = b.Update(func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("format"), []byte{2}) })
	if err != nil || b.Close() != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "format [2]") {
		t.Errorf("got %v, want that the format is another", err)
	}
	text := filepath.Join(t.TempDir(), "notes.txt")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.Open(text, bolt.Options{}); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("got %v, want an error that names %s", err, text)
	}
}
