package memory

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// Journal is a provision.Journal. Its zero value is empty and ready; Fail is set before the first call and is asked
// with the name of the method.
type Journal struct {
	Fail func(op string) (before, after error)

	mu   sync.Mutex
	of   map[inbox.MailboxID][]recorded // in the order of their times, then of their numbers
	last int
}

// recorded is an entry and the how manieth it was.
type recorded struct {
	provision.Entry
	n int
}

var _ provision.Journal = (*Journal)(nil)

// Record implements provision.Journal.
func (j *Journal) Record(ctx context.Context, entries []provision.Entry) error {
	return call(ctx, j.Fail, "Record", &j.mu, func() error {
		for _, e := range entries {
			if e.Key == "" || e.Stage == "" || e.At.IsZero() {
				return misuse("an entry of %q with the key %q and the stage %q at %s", e.Mailbox, e.Key, e.Stage, e.At)
			}
		}
		for _, e := range entries {
			j.record(e)
		}
		return nil
	})
}

func (j *Journal) record(e provision.Entry) {
	list := j.of[e.Mailbox]
	if slices.ContainsFunc(list, func(r recorded) bool { return r.Key == e.Key && r.Stage == e.Stage }) {
		return
	}
	if j.of == nil {
		j.of = map[inbox.MailboxID][]recorded{}
	}
	j.last++
	list = append(list, recorded{e, j.last})
	slices.SortFunc(list, func(a, b recorded) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.n, b.n)) })
	j.of[e.Mailbox] = list
}

// Entries implements provision.Journal.
func (j *Journal) Entries(ctx context.Context, mailbox inbox.MailboxID, cursor string, limit int) (out []provision.Entry, next string, err error) {
	err = call(ctx, j.Fail, "Entries", &j.mu, func() error {
		list := j.of[mailbox]
		if cursor != "" {
			n, err := strconv.Atoi(cursor)
			i := slices.IndexFunc(list, func(r recorded) bool { return r.n == n })
			if err != nil || i < 0 {
				return misuse("a cursor %q that was not given out for %q", cursor, mailbox)
			}
			list = list[i+1:]
		}
		if limit <= 0 {
			return misuse("a limit of %d", limit)
		}
		for _, r := range list[:min(limit, len(list))] {
			out = append(out, r.Entry)
		}
		if limit < len(list) {
			next = strconv.Itoa(list[limit-1].n)
		}
		return nil
	})
	if err != nil {
		return nil, "", err
	}
	return out, next, nil
}

// Locks is a provision.Locks. Its zero value is free; Fail is set before the first call and is asked with the name of the
// method.
type Locks struct {
	Fail func(op string) (before, after error)

	mu     sync.Mutex
	holder string
	until  time.Time
}

var _ provision.Locks = (*Locks)(nil)

// Lock implements provision.Locks.
func (l *Locks) Lock(ctx context.Context, holder string, now, until time.Time) error {
	return call(ctx, l.Fail, "Lock", &l.mu, func() error {
		if holder == "" || !until.After(now) {
			return misuse("a lock for %q from %s until %s", holder, now, until)
		}
		if l.holder != "" && l.holder != holder && l.until.After(now) {
			return &provision.Locked{Holder: l.holder, Until: l.until}
		}
		l.holder, l.until = holder, until
		return nil
	})
}

// Unlock implements provision.Locks.
func (l *Locks) Unlock(ctx context.Context, holder string) error {
	return call(ctx, l.Fail, "Unlock", &l.mu, func() error {
		if l.holder == holder {
			l.holder, l.until = "", time.Time{}
		}
		return nil
	})
}

// call makes one call under its lock, and lets it go wrong as fail says.
func call(ctx context.Context, fail func(string) (before, after error), op string, mu *sync.Mutex, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	before, after := ask(fail, op)
	if before != nil {
		return before
	}
	mu.Lock()
	err := do()
	mu.Unlock()
	if err != nil {
		return err
	}
	return after
}
