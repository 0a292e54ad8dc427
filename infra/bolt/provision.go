package bolt

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Provision keeps what provisioning needs, the journal and the lock, in a small file of its own. The file is open only
// while a call lasts, so any number of processes may use it: "postroom apply" beside "postroom serve", and a second apply
// is told who is at it. Beside it lies PATH.alive, which is locked as long as the process that has the lock
// lives. It is a provision.Journal and a provision.Locks; its methods may be called at once.
//
// The file has the buckets
//
//	meta           "format": the file's format
//	lock           "holder": who has it, as JSON
//	journal:<id>   e <at:12> <number:8>    an entry, as JSON
//	               k <#key and stage>      1: the entry is there
//
// with times, numbers and # as in a DB.
type Provision struct {
	path string
	wait time.Duration
	mu   sync.Mutex // so that the calls of this process need not wait for one another by the clock
}

var (
	_ provision.Journal = (*Provision)(nil)
	_ provision.Locks   = (*Provision)(nil)
)

var (
	lockBucket = []byte("lock")
	holderKey  = []byte("holder")
)

const (
	entryKey    = 'e'
	recordedKey = 'k'
)

// OpenProvision uses the file at path, and makes one readable by its owner only where there is none. Its directory must
// exist. There is nothing to be closed.
func OpenProvision(path string) (*Provision, error) {
	p := &Provision{path: path, wait: 10 * time.Second}
	err := p.file(context.Background(), "open", func(b *bbolt.DB) error { return nil })
	return p, err
}

// file opens the file for one call.
func (p *Provision) file(ctx context.Context, what string, do func(b *bbolt.DB) error) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, err = os.Stat(p.path)
	created := errors.Is(err, fs.ErrNotExist)
	b, err := bbolt.Open(p.path, 0o600, &bbolt.Options{Timeout: p.wait, NoStatistics: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("bolt: %s: %s is kept in use by another process: stop that one", what, p.path)
	}
	if err != nil {
		return fmt.Errorf("bolt: %s: open %s: %w", what, p.path, err)
	}
	defer func() {
		if err = errors.Join(err, b.Close()); err != nil && !isLocked(err) {
			err = fmt.Errorf("bolt: %s in %s: %w", what, p.path, err)
		}
	}()
	if created {
		if err := syncDirectory(p.path); err != nil {
			return err
		}
	}
	if err := checkProvision(b); err != nil {
		return err
	}
	return do(b)
}

func isLocked(err error) bool {
	locked := (*provision.Locked)(nil)
	return errors.As(err, &locked)
}

// checkProvision looks at the format, and writes it into a file that has none.
func checkProvision(b *bbolt.DB) error {
	var found []byte
	err := b.View(func(tx *bbolt.Tx) error {
		if meta := tx.Bucket(metaBucket); meta != nil {
			found = bytes.Clone(meta.Get(formatKey))
			if tx.Bucket(queueBucket) != nil {
				return errors.New("it is the database of \"postroom serve\", which provisioning has none of its own things in: name another file")
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case found == nil:
		return b.Update(func(tx *bbolt.Tx) error {
			for _, name := range [][]byte{metaBucket, lockBucket} {
				if _, err := tx.CreateBucketIfNotExists(name); err != nil {
					return err
				}
			}
			return tx.Bucket(metaBucket).Put(formatKey, []byte{format})
		})
	case len(found) != 1 || found[0] != format:
		return fmt.Errorf("the file is of format %d, this version of Postroom knows %d: run the version that wrote it", found, format)
	}
	return nil
}

func journalName(mailbox inbox.MailboxID) []byte { return []byte("journal:" + mailbox) }

// Record implements provision.Journal. All entries of a call are there, or none.
func (p *Provision) Record(ctx context.Context, entries []provision.Entry) error {
	if len(entries) == 0 {
		return ctx.Err()
	}
	return p.file(ctx, "record what was provisioned", func(b *bbolt.DB) error {
		return b.Update(func(tx *bbolt.Tx) error {
			for _, e := range entries {
				if err := recordEntry(tx, e); err != nil {
					return fmt.Errorf("entry %s of %s: %w", e.Key, e.Mailbox, err)
				}
			}
			return nil
		})
	})
}

func recordEntry(tx *bbolt.Tx, e provision.Entry) error {
	if e.Key == "" || e.Stage == "" {
		return errors.New("it has no key or no stage")
	}
	journal, err := tx.CreateBucketIfNotExists(journalName(e.Mailbox))
	if err != nil {
		return err
	}
	recorded := appendHash(key(recordedKey), e.Key+"\x00"+string(e.Stage))
	if journal.Get(recorded) != nil {
		return nil
	}
	n, err := journal.NextSequence()
	if err != nil {
		return err
	}
	value, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if err := journal.Put(appendNumber(appendTime(key(entryKey), e.At), int64(n)), value); err != nil {
		return err
	}
	return journal.Put(recorded, []byte{1}) // an empty value written in the same transaction reads as none
}

// Entries implements provision.Journal.
func (p *Provision) Entries(ctx context.Context, mailbox inbox.MailboxID, cursor string, limit int) (out []provision.Entry, next string, err error) {
	after, err := hex.DecodeString(cursor)
	if err != nil {
		return nil, "", fmt.Errorf("bolt: entries of %s: %.40q is no cursor", mailbox, cursor)
	}
	err = p.file(ctx, "read the entries of "+string(mailbox), func(b *bbolt.DB) error {
		return b.View(func(tx *bbolt.Tx) error {
			journal := tx.Bucket(journalName(mailbox))
			if journal == nil {
				return nil
			}
			c := journal.Cursor()
			k, v := c.Seek(append(key(entryKey), after...))
			if k != nil && len(after) > 0 && bytes.Equal(k[1:], after) {
				k, v = c.Next()
			}
			var last []byte
			for ; k != nil && k[0] == entryKey; k, v = c.Next() {
				if len(out) >= limit {
					next = hex.EncodeToString(last)
					return nil
				}
				var e provision.Entry
				if err := json.Unmarshal(v, &e); err != nil {
					return err
				}
				out, last = append(out, e), k[1:]
			}
			return nil
		})
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// lease is the lock as it is kept.
type lease struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
	// Host is the machine whose process has the lock and the file of alive.go; empty where it could not have that.
	Host string `json:"host,omitempty"`
}

// Lock implements provision.Locks. The lock of a process of this machine that has ended without giving it back is taken at
// once.
func (p *Provision) Lock(ctx context.Context, holder string, now, until time.Time) error {
	host := here()
	return p.lease(ctx, "take the lock", func(has lease) (lease, error) {
		if has.Holder != "" && has.Holder != holder && has.Until.After(now) {
			dead := has.Host != "" && has.Host == host && live(p.path, holder)
			if !dead {
				return has, &provision.Locked{Holder: has.Holder, Until: has.Until}
			}
		}
		next := lease{Holder: holder, Until: until}
		if live(p.path, holder) {
			next.Host = host
		}
		return next, nil
	})
}

// Unlock implements provision.Locks.
func (p *Provision) Unlock(ctx context.Context, holder string) error {
	err := p.lease(ctx, "give the lock back", func(has lease) (lease, error) {
		if has.Holder == holder {
			return lease{}, nil
		}
		return has, nil
	})
	return errors.Join(err, die(p.path, holder))
}

func (p *Provision) lease(ctx context.Context, what string, change func(lease) (lease, error)) error {
	return p.file(ctx, what, func(b *bbolt.DB) error {
		return b.Update(func(tx *bbolt.Tx) error {
			var has lease
			if v := tx.Bucket(lockBucket).Get(holderKey); v != nil {
				if err := json.Unmarshal(v, &has); err != nil {
					return err
				}
			}
			next, err := change(has)
			if err != nil || next == has {
				return err
			}
			value, err := json.Marshal(next)
			if err != nil {
				return err
			}
			return tx.Bucket(lockBucket).Put(holderKey, value)
		})
	})
}
