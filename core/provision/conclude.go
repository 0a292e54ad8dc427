package provision

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

// key names the plan in the journal: the same plan has the same, whoever applies it and however often.
func (p *Plan) key() string {
	h := sha256.New()
	enc := json.NewEncoder(h) // a hash takes all that is written, and these values always encode
	_ = enc.Encode([]any{p.Manifest, p.Made, p.AllowRemove, p.Only})
	for i := range p.Steps {
		s := &p.Steps[i]
		_ = enc.Encode([]string{s.ID, s.Before, s.After})
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// turn is what the journal has of a step of this plan. One that was taken back by hand and is done once more takes another
// turn, with entries of its own.
type turn struct{ begun, done int }

// under reports whether one was begun and is not through by the journal.
func (t turn) under() bool { return t.begun > t.done }

// remember reads what earlier runs of this plan have written down.
func (a *application) remember(ctx context.Context) error {
	a.turns = map[string]turn{}
	asked := map[inbox.MailboxID]bool{}
	for i := range a.plan.Steps {
		mailbox := a.plan.Steps[i].Mailbox
		if asked[mailbox] {
			continue
		}
		asked[mailbox] = true
		for cursor, more := "", true; more; more = cursor != "" {
			entries, next, err := a.Journal.Entries(ctx, mailbox, cursor, 500)
			if err != nil {
				return fmt.Errorf("provision: read the journal: %w", err)
			}
			for i := range entries {
				step, ours := strings.CutPrefix(entries[i].Key, a.key+"/")
				step, _, _ = strings.Cut(step, "/")
				t := a.turns[step]
				switch {
				case !ours:
					continue
				case entries[i].Stage == Begun:
					t.begun++
				case entries[i].Stage == Done:
					t.done++
				}
				a.turns[step] = t
			}
			cursor = next
		}
	}
	return nil
}

func (a *application) entry(s *Step, stage Stage, says string) Entry {
	key := a.key + "/" + s.ID
	if done := a.turns[s.ID].done; done > 0 {
		key += "/" + strconv.Itoa(done+1)
	}
	return Entry{
		Key: key, Mailbox: s.Mailbox, At: a.Now().UTC(), By: a.By, Stage: stage,
		Verb: s.Verb, Fact: s.Fact, Before: s.Before, After: s.After, What: s.What, Why: s.Why, Says: says,
	}
}

func (a *application) record(ctx context.Context, s Step, stage Stage, says string) error {
	if err := a.Journal.Record(ctx, []Entry{a.entry(&s, stage, says)}); err != nil {
		return fmt.Errorf("provision: write the journal: %w", err)
	}
	return nil
}

// recordAll writes down what has happened, also when the context has ended meanwhile.
func (a *application) recordAll(ctx context.Context, tasks []*task, stage Stage, says string) error {
	if len(tasks) == 0 {
		return nil
	}
	entries := make([]Entry, len(tasks))
	for i, t := range tasks {
		entries[i] = a.entry(&t.end.Step, stage, says)
	}
	if err := a.Journal.Record(context.WithoutCancel(ctx), entries); err != nil {
		return fmt.Errorf("provision: write the journal: %w", err)
	}
	return nil
}

func (a *application) fail(ctx context.Context, t *task, err error) error {
	return a.recordAll(ctx, []*task{t}, Failed, clean(err.Error()))
}

// recordFound ends the entries of steps that an earlier run of the same plan has done without living to write it down, and
// notes what a person has done for it. What somebody else has done before is no change of ours.
func (a *application) recordFound(ctx context.Context) error {
	var entries []Entry
	for i := range a.ended {
		e := &a.ended[i]
		if turn := a.turns[e.Step.ID]; e.Outcome == WasSo && (turn.under() || e.Step.Manual != "" && turn.done == 0) {
			entries = append(entries, a.entry(&e.Step, Done, "it was so when the apply began"))
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if err := a.Journal.Record(ctx, entries); err != nil {
		return fmt.Errorf("provision: write the journal: %w", err)
	}
	return nil
}

// conclude plans once more. What has failed or was late and is there now is done after all.
func (a *application) conclude(ctx context.Context) error {
	worked := false
	for _, t := range a.tasks {
		worked = worked || t.begun
	}
	if worked {
		if err := a.readAll(ctx); err != nil {
			return err
		}
	}
	left := Make(a.want, a.have, a.options())
	a.left = &left
	open := map[string]bool{}
	for i := range left.Steps {
		open[left.Steps[i].ID] = true
	}
	for i := range left.Held {
		open[left.Held[i].Step.ID] = true
	}
	cache := map[site]finding{}
	var after []*task
	for _, t := range a.tasks {
		if t.end == nil || t.end.Outcome == Shown || open[t.ID] || !a.settled(&t.Step, cache) {
			continue
		}
		t.end.Outcome = Shown
		if t.failure != nil {
			t.end.Says = "the call failed, and yet it is done: " + clean(t.failure.Error())
		} else {
			t.end.Says = "it was there at the end"
		}
		if t.begun || t.Manual != "" {
			after = append(after, t)
		}
	}
	return a.recordAll(ctx, after, Done, "it was there at the end")
}

// report puts together what became of the plan; err is what ended it early.
func (a *application) report(ctx context.Context, err error) (Report, error) {
	for _, t := range a.tasks {
		switch {
		case t.end == nil:
		case t.state == did:
			t.end.Outcome, t.end.Says = Late, "done, and not read back"
		case t.state == waiting && t.failure != nil:
			t.end.Outcome, t.end.Says = Untried, "it was interrupted: "+clean(t.failure.Error())
		case t.state == waiting:
			t.end.Outcome, t.end.Says = Untried, "the apply stopped before it"
		}
	}
	r := Report{Ended: a.ended, Left: a.left}
	if err == nil {
		return r, nil
	}
	r.Stopped = clean(err.Error())
	if ctx.Err() != nil {
		r.Stopped = "it was told to stop"
		return r, fmt.Errorf("provision: stopped; the same command goes on from here: %w", ctx.Err())
	}
	return r, err
}

// Drift is what the plan would change as entries for the timeline, where nothing is done about it. The same difference has
// the same key whenever it is found, so it is on the timeline once.
func (p *Plan) Drift(at time.Time, by string) []Entry {
	var out []Entry
	add := func(s *Step) {
		h := sha256.New()
		_ = json.NewEncoder(h).Encode([]string{s.ID, s.Before, s.After})
		out = append(out, Entry{
			Key: "drift/" + hex.EncodeToString(h.Sum(nil)[:8]), Mailbox: s.Mailbox, At: at.UTC(), By: by, Stage: Drifted,
			Verb: s.Verb, Fact: s.Fact, Before: s.Before, After: s.After, Why: s.Why, Says: s.What,
		})
	}
	for i := range p.Steps {
		add(&p.Steps[i])
	}
	for i := range p.Held {
		add(&p.Held[i].Step)
	}
	return out
}
