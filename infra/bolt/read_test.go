package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
	"go.etcd.io/bbolt"
)

func TestOpenToRead(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "postroom.db")
	db, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for _, source := range []string{"graph", "graph", "sweep"} {
		if err := db.Enqueue(ctx, pipeline.Hint{Mailbox: "support@contoso.com", Source: source, At: at}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.SaveProgress(ctx, "support@contoso.com", pipeline.Progress{Synced: at}); err != nil {
		t.Fatal(err)
	}
	if _, err := bolt.OpenToRead(path, bolt.Options{LockTimeout: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("beside a writer: got %v, want that the file is in use", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var readers [2]*bolt.DB
	for i := range readers {
		if readers[i], err = bolt.OpenToRead(path, bolt.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range readers {
		if p, err := r.Mailbox(ctx, "support@contoso.com"); err != nil || !p.Synced.Equal(at) {
			t.Errorf("read %v, %v, want what was written", p, err)
		}
		if n := r.Waiting("support@contoso.com"); n != 2 {
			t.Errorf("%d hints are waiting, want one of each of the 2 sources", n)
		}
		if n := r.Waiting("other@contoso.com"); n != 0 {
			t.Errorf("%d hints are waiting for a mailbox without any", n)
		}
		if err := r.SaveProgress(ctx, "support@contoso.com", pipeline.Progress{Version: 1}); err == nil {
			t.Error("a file that is open to read was written")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil || string(before) != string(after) {
		t.Errorf("reading changed the file (%v)", err)
	}
}

func TestOpenToReadWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.db")
	if _, err := bolt.OpenToRead(missing, bolt.Options{}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("got %v, want an error that names %s", err, missing)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a file was made by opening it to read")
	}
	foreign := filepath.Join(dir, "foreign.db")
	b, err := bbolt.Open(foreign, 0o600, nil)
	if err != nil || b.Close() != nil {
		t.Fatal(err)
	}
	if _, err := bolt.OpenToRead(foreign, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "no database of Postroom") {
		t.Errorf("got %v, want that it is no database of Postroom", err)
	}
}
