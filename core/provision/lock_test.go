package provision_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// TestLapsedLock: a run that was asleep for longer than its lock does no more even when nobody has it now, for whoever had it
// meanwhile may have taken away what this run is about to give.
func TestLapsedLock(t *testing.T) {
	t.Parallel()
	want := boxes{with(support, "name = Help", "open bo@contoso.com = mapped")}
	tn, p := office(t, want, boxes{support}, false)
	tn.after = func(provision.Step) error {
		tn.now = tn.now.Add(time.Hour)
		return nil
	}
	r, err := tn.run("first").Apply(context.Background(), want, p)
	if !errors.Is(err, provision.ErrLapsed) || len(tn.changes) != 1 || r.Stopped == "" || tn.holder != "" {
		t.Fatalf("%v after %d changes; the lock is %q's", err, len(tn.changes), tn.holder)
	}
	tn.after = nil
	if r, err = tn.run("first").Apply(context.Background(), want, p); err != nil || !r.Complete() {
		t.Errorf("the same again: %v\n%s", err, outcomes(r))
	}
}

// slowReader takes some seconds for each mailbox.
type slowReader struct {
	*tenant
	each   time.Duration
	during func()
}

func (s slowReader) Read(ctx context.Context, want []provision.Mailbox, only []provision.Aspect) ([]provision.Mailbox, error) {
	s.mu.Lock()
	s.now = s.now.Add(time.Duration(len(want)) * s.each)
	s.mu.Unlock()
	s.during()
	return s.tenant.Read(ctx, want, only)
}

// TestLockIsKeptWhileManyMailboxesAreRead: and given up as soon as ever when the run dies after that.
func TestLockIsKeptWhileManyMailboxesAreRead(t *testing.T) {
	t.Parallel()
	var want, have boxes
	for i := range 400 {
		m := support.Clone()
		m.Address = inbox.MailboxID(fmt.Sprintf("box%03d@contoso.com", i))
		delete(m.Facts, fact{Aspect: provision.Alias, Subject: "help@contoso.com"})
		have = append(have, m)
		want = append(want, with(m, "name = Help"))
	}
	tn, p := office(t, want, have, false)
	run := tn.run("one")
	run.Estate = &provision.Estate{Admins: []provision.Admin{slowReader{tn, 3 * time.Second, func() {
		var locked *provision.Locked
		if err := tn.Lock(context.Background(), "another", tn.now, tn.now.Add(time.Minute)); !errors.As(err, &locked) {
			t.Errorf("another took the lock: %v", err)
		}
	}}}}
	tn.before = func(provision.Step) error {
		if left := tn.until.Sub(tn.now); left > 10*time.Minute {
			t.Errorf("others are kept out for %s if it dies now", left)
		}
		return nil
	}
	if r, err := run.Apply(context.Background(), want, p); err != nil || !r.Complete() {
		t.Fatal(err)
	}
}
