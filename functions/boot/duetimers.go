package boot

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// due does what timers have become due for, all but what needs a provider: it gives the timers of watches, those that have
// been due for longest first. set are timers that the list of due ones may not yet have.
func (r *tickRun) due(ctx context.Context, set []pipeline.Timer) (watches []pipeline.Timer) {
	// There is room for every timer that can be due. A provider that wants to be left alone leaves a crowd of them, and the
	// list, which is in no order, must show those of the other provider all the same.
	list, err := r.Timers.DueTimers(ctx, r.Now(), 3*len(r.Mailboxes.IDs())+1000)
	if err != nil {
		r.fail(fmt.Errorf("list due timers: %w", err))
	}
	type key struct {
		mailbox inbox.MailboxID
		name    string
	}
	seen := map[key]bool{}
	var again, strange []pipeline.Timer
	for _, t := range append(list, set...) {
		if k := (key{t.Mailbox, t.Name}); seen[k] {
			continue
		} else {
			seen[k] = true
		}
		switch {
		case t.Name == TimerWatch:
			watches = append(watches, t)
		case t.Name == TimerLookAgain || !r.Mailboxes.Has(t.Mailbox):
			again = append(again, t)
		default:
			strange = append(strange, t)
		}
	}
	slices.SortFunc(watches, func(a, b pipeline.Timer) int {
		return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.Mailbox, b.Mailbox))
	})
	r.fail(r.lookAgain(ctx, again))
	r.fail(r.postpone(ctx, strange))
	return watches
}

// lookAgain has the mailboxes of the timers read, and drops the timers. Those of mailboxes that have left the manifest are only
// dropped.
func (r *tickRun) lookAgain(ctx context.Context, list []pipeline.Timer) error {
	var ids []inbox.MailboxID
	for _, t := range list {
		if r.Mailboxes.Has(t.Mailbox) {
			ids = append(ids, t.Mailbox)
		}
	}
	if err := r.hint(ctx, TimerLookAgain, ids); err != nil {
		return err
	}
	return atOnce(storeAtOnce, list, func(t pipeline.Timer) error {
		if err := r.Timers.DropTimer(ctx, t); err != nil {
			return fmt.Errorf("drop the timer %s of %s: %w", t.Name, t.Mailbox, err)
		}
		return nil
	})
}

// postpone keeps timers for whoever knows what they are for, without seeing them each minute.
func (r *tickRun) postpone(ctx context.Context, list []pipeline.Timer) error {
	if len(list) == 0 {
		return nil
	}
	r.Log.WarnContext(ctx, "timers of names that this version does not know are put off for an hour; a later version may have set them",
		"timers", len(list), "name", list[0].Name, "mailbox", list[0].Mailbox)
	return atOnce(storeAtOnce, list, func(t pipeline.Timer) error {
		t.Due = r.began.Add(strangePause)
		if err := r.Timers.SetTimer(ctx, t); err != nil {
			return fmt.Errorf("put off the timer %s of %s: %w", t.Name, t.Mailbox, err)
		}
		return nil
	})
}
