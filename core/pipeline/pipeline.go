// Package pipeline is the spine: the one way from a provider's changes to markers on the mail.
//
//	hint → read changes from the cursor → decide → commit (events + intended actions) → move the cursor → apply → settle
//
// What it holds to, whatever is lost, doubled, late or killed between any two of these steps:
//
//   - A hint only says that a mailbox may have changed; Sync reads the truth from the stored cursor.
//   - Deciding is pure (package decide). The reasons are kept with the events.
//   - Events, conversation, new messages and intended actions are committed in one step guarded by the conversation's
//     version, and before anything is done outside. The cursor moves after its page is committed, never before.
//   - Applying may be repeated: it compares what a message should carry with what it was last seen to carry.
//   - People win. A difference from what was last seen or set is what a person did, unless an action that was committed
//     and not settled explains it (we may have died between doing and settling).
//   - A command is decided and committed at once; the mailbox's one consumer carries it out.
//
// Sync must not run twice at once for one mailbox, which the queue sees to; if it does all the same, the version check
// lets one of them win and the other decide anew. Command may run at any time.
package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// Mailbox is one mailbox of the manifest with the way to reach it.
type Mailbox struct {
	Policy   *decide.Policy
	Provider Provider
}

// Pipeline works mailboxes. It keeps nothing between calls, so it may be dropped and made anew at any time.
type Pipeline struct {
	Store Store
	Hints Hints // where a command leaves word that there is something to apply
	// Mailboxes gives a mailbox of the manifest. What it does not give is never read or written.
	Mailboxes func(inbox.MailboxID) (Mailbox, bool)
	Now       func() time.Time
}

// Report says what one sync did.
type Report struct {
	Pages    int // of changes read
	Changes  int // observations in them, our own echoes among them
	Messages int // new ones that joined a conversation
	Events   int
	Writes   int // markers set on messages
	Resynced bool
}

// chunk is how many changes are decided and committed together, and so bounds what a sync holds in memory besides
// the provider's own page.
const chunk = MaxJoined

// Sync brings one mailbox up to date: it reads every change since the cursor, decides, commits and applies. It may be
// repeated at any time and takes up where the last one stopped. A *Throttled or *Permanent error of the provider comes
// back wrapped; all that was committed before it stands.
func (p *Pipeline) Sync(ctx context.Context, id inbox.MailboxID) (Report, error) {
	r, err := p.open(ctx, id)
	if err == nil {
		err = r.sync(ctx)
	}
	if err != nil {
		err = fmt.Errorf("sync %s: %w", id, err)
	}
	return r.report, err
}

// run is one sync of one mailbox.
type run struct {
	*Pipeline
	id      inbox.MailboxID
	policy  *decide.Policy
	mailbox Provider
	now     time.Time

	progress Progress
	team     assign.Team
	pending  map[inbox.ConversationID][]Action // committed, not settled
	// unsure are the conversations with actions that an earlier run left behind. Whether it had written them is only
	// known when everything has been read, and until then the messages may carry other markers than those last seen.
	unsure map[inbox.ConversationID]bool
	report Report

	listedIDs map[uint64]bool // hashes of what a listing anew has shown so far
}

func (p *Pipeline) open(ctx context.Context, id inbox.MailboxID) (*run, error) {
	r := &run{Pipeline: p, id: id, now: p.Now()}
	mailbox, ok := p.Mailboxes(id)
	if !ok {
		return r, &Permanent{What: "the mailbox is not in the manifest", Fix: "add it under mailboxes, or stop what sends hints for it"}
	}
	r.policy, r.mailbox = mailbox.Policy, mailbox.Provider
	var err error
	if r.progress, err = p.Store.Mailbox(ctx, id); err != nil {
		return r, err
	}
	if err := r.refresh(ctx); err != nil {
		return r, err
	}
	r.unsure = map[inbox.ConversationID]bool{}
	for id := range r.pending {
		r.unsure[id] = true
	}
	return r, nil
}

// refresh reads anew what others may change beside us.
func (r *run) refresh(ctx context.Context) error {
	var err error
	if r.team, err = r.Store.Team(ctx, r.id); err != nil {
		return err
	}
	actions, err := r.Store.Pending(ctx, r.id, 0)
	if err != nil {
		return err
	}
	r.pending = map[inbox.ConversationID][]Action{}
	for _, a := range actions {
		r.pending[a.Conversation] = append(r.pending[a.Conversation], a)
	}
	return nil
}

func (r *run) sync(ctx context.Context) error {
	if r.progress.CutOver.IsZero() {
		if err := r.looked(ctx); err != nil {
			return err
		}
	}
	r.hold()
	resumed := r.progress.Midway
	for {
		page, err := r.mailbox.Changes(ctx, r.from())
		if errors.Is(err, ErrCursorExpired) && r.progress.Cursor != "" {
			// List everything again. What is known is compared, what is new since the cut-over is live, and
			// what is older was imported and stays so: nothing is answered or alarmed, nothing is lost.
			r.progress.Cursor, r.progress.Midway, r.report.Resynced = "", false, true
			r.progress.Listing = Listing{}
			r.progress.Resyncs++
			if err := r.save(ctx); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		r.report.Pages++
		r.report.Changes += len(page.Changes)
		if page.Afresh {
			if err := r.relist(ctx); err != nil {
				return err
			}
		}
		r.note(page)
		for start := 0; start < len(page.Changes); start += chunk {
			if err := r.take(ctx, page.Changes[start:min(start+chunk, len(page.Changes))]); err != nil {
				return err
			}
		}
		if err := r.advance(ctx, page); err != nil {
			return err
		}
		end := !page.More && !resumed
		if end {
			clear(r.unsure)
		}
		if err := r.apply(ctx); err != nil {
			return err
		}
		if end {
			break
		}
		resumed = resumed && page.More
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := r.account(ctx); err != nil {
		return err
	}
	if err := r.adopt(ctx); err != nil {
		return err
	}
	if err := r.drain(ctx); err != nil {
		return err
	}
	return r.apply(ctx)
}

// syncedEvery is how often the progress of a mailbox in which nothing happens is kept; see Progress.Synced.
const syncedEvery = 30 * time.Minute

// advance moves the cursor behind a page that is committed.
func (r *run) advance(ctx context.Context, page Page) error {
	end := !page.More && (!r.progress.Listed || r.now.Sub(r.progress.Synced) >= syncedEvery)
	if page.Next == r.progress.Cursor && page.More == r.progress.Midway && !end {
		return nil
	}
	r.progress.Cursor, r.progress.Midway = page.Next, page.More
	if !r.progress.Listed {
		r.progress.Listing.Read += len(page.Changes)
		r.progress.Listing.Of += page.Total
	}
	if !page.More {
		r.progress.Listed, r.progress.Synced, r.progress.Listing = true, r.now, Listing{}
	}
	return r.save(ctx)
}

func (r *run) save(ctx context.Context) error {
	if err := r.Store.SaveProgress(ctx, r.id, r.progress); err != nil {
		return err
	}
	r.progress.Version++
	return nil
}

// commit writes units and keeps the run's own picture in step. On a conflict the picture is read anew.
func (r *run) commit(ctx context.Context, units []Unit) error {
	if len(units) == 0 {
		return nil
	}
	if err := r.Store.Commit(ctx, r.id, units); err != nil {
		if errors.Is(err, ErrConflict) {
			if err := r.refresh(ctx); err != nil {
				return err
			}
		}
		return err
	}
	for _, u := range units {
		r.team = r.team.With(u.Shift)
		r.report.Events += len(u.Events)
		r.report.Messages += len(u.Joined)
		for _, a := range u.Actions {
			r.pending[a.Conversation] = append(r.pending[a.Conversation], a)
		}
	}
	return nil
}

// attempts is how often a decision is made anew when something changed under it. Each conflict means that somebody
// else got on, so more than a few in a row do not happen; the queue tries again later if they do.
const attempts = 8
