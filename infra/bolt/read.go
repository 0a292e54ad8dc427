package bolt

import (
	"errors"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// OpenToRead opens the file at path, which must exist, for reading: every method that writes fails. Several processes may
// read at once, but not beside one that has it open to write, for which this waits as long as opts says.
func OpenToRead(path string, opts Options) (*DB, error) {
	if opts.LockTimeout == 0 {
		opts.LockTimeout = 2 * time.Second
	}
	b, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: opts.LockTimeout, NoStatistics: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, fmt.Errorf("bolt: %s is in use by a process that writes it: ask that one, or stop it first", path)
	}
	if err != nil {
		return nil, fmt.Errorf("bolt: open %s: %w", path, err)
	}
	db := &DB{bolt: b, path: path}
	err = b.View(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{metaBucket, queueBucket, watchesBucket} {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("it is no database of Postroom: it has no %s", name)
			}
		}
		if found := tx.Bucket(metaBucket).Get(formatKey); len(found) != 1 || found[0] != format {
			return fmt.Errorf("the file is of format %d, this version of Postroom knows %d: run the version that wrote it", found, format)
		}
		return nil
	})
	if err == nil {
		err = db.loadQueue()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bolt: open %s: %w", path, err), b.Close())
	}
	return db, nil
}

// Waiting is how many hints of a mailbox wait to be worked, those of one source counted once. A batch that is out does
// not wait.
func (db *DB) Waiting(mailbox inbox.MailboxID) int {
	db.mu.Lock()
	defer db.mu.Unlock()
	l := db.lines[mailbox]
	if l == nil {
		return 0
	}
	return len(l.waiting.list)
}
