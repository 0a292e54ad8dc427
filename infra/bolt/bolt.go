// Package bolt keeps all state of Postroom in one bbolt file: the store, the watches and the queue of a pilot on one
// machine. One process has the file open at a time. A write is on the disk when it returns; a process that is killed
// at any moment leaves every write that returned and no half of any other.
//
// # The file
//
// Each mailbox has a bucket of its own, so mailboxes never meet, and all that one commit writes lies in few pages of
// one tree. The first byte of a key in it says what it holds:
//
//	a <order:8>                        a pending action; order counts the mailbox's actions
//	b <action key>                     its order, so that settling finds it
//	c                                  the progress
//	d l, d n, d o <member id>          the team: who was given work last, the overflow, who has how much
//	h <#address>                       who last handled a customer
//	k <#message id>                    a known message
//	o <opened:12> <conversation id>    nothing: the conversation overflows
//	s <conversation id>$               a conversation
//	s <conversation id>$ e <seq:8>     an event of it
//	s <conversation id>$ m <msg id>    nothing: the message is part of it
//	u <#thread id> <opened:12> <id>    nothing: the conversation began in that thread
//
// Numbers are big-endian, and times are seconds with the sign bit turned and nanoseconds, so that both sort. The $
// after an id is the bytes 00 01, and a zero byte in such an id is written as 00 FF, so no id begins with another and its
// end. A # means the first 16 bytes of the SHA-256.
//
// The other buckets are
//
//	meta      "format": the file's format; its sequence counts how often the file has been opened
//	queue     h <mailbox>$ <arrival:8>     a hint that is waiting or out
//	          r <mailbox>                  how often and until when the mailbox's batch was given back
//	watches   w <id>                       a watch
//	          m <mailbox>$ <id>            nothing: the watch is of that mailbox
//	mailbox:<id>                           a mailbox, as above
//
// Every value but the team's begins with a byte that is its format, 1 as yet, and goes on as JSON. In a conversation's
// there are its seq, its opening and whether it overflows in between, so that a commit need not decode it. The team's
// are numbers and a member id.
package bolt

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// DB is an open file. It is a pipeline.Store, a pipeline.Watches and a pipeline.Queue at once; all its methods may be
// called at once.
type DB struct {
	bolt       *bbolt.DB
	path       string
	visibility time.Duration
	writer     writer // of the one transaction that writes

	mu       sync.Mutex // guards lines, and makes the queue's writes one by one
	lines    map[inbox.MailboxID]*line
	life     uint64 // how often the file has been opened; receipts of another life are void
	receipts int64
}

var (
	_ pipeline.Store   = (*DB)(nil)
	_ pipeline.Watches = (*DB)(nil)
	_ pipeline.Queue   = (*DB)(nil)
)

// Options tune a DB; the zero value is good.
type Options struct {
	// Visibility is how long a batch of the queue may be out before it is handed out again; 0 is 15 minutes.
	Visibility time.Duration
	// LockTimeout is how long Open waits for another process to let go of the file; 0 is 2 seconds.
	LockTimeout time.Duration
}

const format = 1

var (
	metaBucket    = []byte("meta")
	queueBucket   = []byte("queue")
	watchesBucket = []byte("watches")
	formatKey     = []byte("format")
)

// Open opens the file at path, or creates it readable by its owner only. Its directory must exist. Batches that were
// out when the file was last open are waiting again.
func Open(path string, opts Options) (*DB, error) {
	if opts.Visibility == 0 {
		opts.Visibility = 15 * time.Minute
	}
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 2 * time.Second
	}
	_, err := os.Stat(path)
	created := errors.Is(err, fs.ErrNotExist)
	b, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: opts.LockTimeout,
		// The free pages are found by reading the file once when it is opened, not written at each commit; for what that
		// costs see BenchmarkOpen.
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		NoStatistics:   true,
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("bolt: %s is in use by another process: stop that one, or give this one a directory of its own", path)
	}
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	db := &DB{bolt: b, path: path, visibility: opts.Visibility}
	if err := db.prepare(created); err != nil {
		return nil, errors.Join(fmt.Errorf("bolt: open %s: %w", path, err), b.Close())
	}
	return db, nil
}

// Close waits for calls under way and closes the file.
func (db *DB) Close() error {
	if err := db.bolt.Close(); err != nil {
		return fmt.Errorf("bolt: close %s: %w", db.path, err)
	}
	return nil
}

func (db *DB) prepare(created bool) error {
	if created { // a new file's name is only as durable as its directory
		if err := syncDirectory(db.path); err != nil {
			return err
		}
	}
	err := db.bolt.Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, queueBucket, watchesBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(metaBucket)
		found := meta.Get(formatKey)
		if found == nil {
			found = []byte{format}
		}
		if len(found) != 1 || found[0] != format {
			return fmt.Errorf("the file is of format %d, this version of Postroom knows %d: run the version that wrote it", found, format)
		}
		var err error
		if db.life, err = meta.NextSequence(); err != nil {
			return err
		}
		return meta.Put(formatKey, found)
	})
	if err != nil {
		return err
	}
	return db.loadQueue()
}

// syncDirectory makes the name of a new file last.
func syncDirectory(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// box is a bucket in a transaction, with the writer of values where it may write.
type box struct {
	*bbolt.Bucket
	*writer
}

// update is a transaction that writes, all of it or, on an error, nothing.
func (db *DB) update(do func(tx *bbolt.Tx, w *writer) error) error {
	return db.bolt.Update(func(tx *bbolt.Tx) error {
		db.writer.reset()
		return do(tx, &db.writer)
	})
}

func boxName(mailbox inbox.MailboxID) []byte { return []byte("mailbox:" + mailbox) }

// read lets do read one mailbox. Nothing of a transaction's memory may outlive it.
func (db *DB) read(ctx context.Context, what string, mailbox inbox.MailboxID, do func(b box) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.bolt.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(boxName(mailbox))
		if b == nil {
			return nil
		}
		return do(box{Bucket: b})
	})
	if err != nil {
		return fmt.Errorf("bolt: read %s of %s: %w", what, mailbox, err)
	}
	return nil
}

// write lets do write one mailbox.
func (db *DB) write(ctx context.Context, what string, mailbox inbox.MailboxID, do func(b box) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if mailbox == "" {
		return fmt.Errorf("bolt: %s: no mailbox is named", what)
	}
	err := db.update(func(tx *bbolt.Tx, w *writer) error {
		b := tx.Bucket(boxName(mailbox))
		if b == nil {
			var err error
			if b, err = tx.CreateBucket(boxName(mailbox)); err != nil {
				return err
			}
		}
		return do(box{b, w})
	})
	if err != nil {
		return fmt.Errorf("bolt: %s to %s: %w", what, mailbox, err)
	}
	return nil
}
