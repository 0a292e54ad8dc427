package gmail

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/google"
)

// maxLabelIDs is how many labels one request may put on, and how many it may take off.
const maxLabelIDs = 100

// Mark implements pipeline.Provider. Writes that differ by the same labels are sent together, in the way that costs
// the fewest units (see plan). Labels that are missing are created.
//
// Of Postroom's own markers it reports those it was given with its changes made, not those in Gmail's answer: what
// somebody did to them meanwhile must not pass for seen, and comes with the history after the cursor. Gmail has no
// guarded writes, so that no write ever ends as Changed.
func (m *Mailbox) Mark(ctx context.Context, writes []pipeline.Write) ([]pipeline.Written, error) {
	m.account.writes.Lock()
	defer m.account.writes.Unlock()
	mk := marking{mailbox: m, now: map[inbox.MessageID]inbox.State{}}
	for len(writes) > 0 {
		n := distinct(writes)
		if err := mk.round(ctx, writes[:n]); err != nil {
			return mk.done, err
		}
		writes = writes[n:]
	}
	return mk.done, nil
}

// distinct is how many writes come before the second one for a message: those may be sent in any order.
func distinct(writes []pipeline.Write) int {
	seen := make(map[inbox.MessageID]bool, len(writes))
	for i, w := range writes {
		if seen[w.Message] {
			return i
		}
		seen[w.Message] = true
	}
	return len(writes)
}

// marking is one call of Mark.
type marking struct {
	mailbox *Mailbox
	done    []pipeline.Written
	now     map[inbox.MessageID]inbox.State // after the writes done so far
}

// task is a write that has something to do.
type task struct {
	pipeline.Write
	state inbox.State // before
}

// group is tasks with the same labels to put on and take off, by name.
type group struct {
	add, remove []inbox.Marker
	tasks       []task
}

func (mk *marking) end(t task, o pipeline.Outcome, s inbox.State, why string) {
	mk.done = append(mk.done, pipeline.Written{Message: t.Message, Outcome: o, State: s, Why: why})
	if o == pipeline.Done {
		mk.now[t.Message] = s
	}
}

func (mk *marking) round(ctx context.Context, writes []pipeline.Write) error {
	var groups []*group
	byKey := map[string]*group{}
	for _, w := range writes {
		t := task{Write: w, state: w.State}
		if s, ok := mk.now[w.Message]; ok {
			t.state = s
		}
		add := missing(t.state, w.Add)
		remove := present(t.state, w.Remove)
		if alien := mk.mailbox.alien(add, remove); alien != "" {
			mk.end(t, pipeline.Refused, t.state, fmt.Sprintf("the label %q is not Postroom's to change", alien))
			continue
		}
		if len(add)+len(remove) == 0 {
			mk.end(t, pipeline.Done, t.state, "")
			continue
		}
		key := groupKey(add, remove)
		g := byKey[key]
		if g == nil {
			g = &group{add: add, remove: remove}
			byKey[key] = g
			groups = append(groups, g)
		}
		g.tasks = append(g.tasks, t)
	}
	for _, g := range groups {
		if err := mk.group(ctx, g, g.tasks); err != nil {
			return err
		}
	}
	return nil
}

func missing(s inbox.State, list []inbox.Marker) []inbox.Marker {
	return pick(list, func(x inbox.Marker) bool { return !s.Has(x) })
}

func present(s inbox.State, list []inbox.Marker) []inbox.Marker {
	return pick(list, s.Has)
}

// pick gives what keep accepts, sorted and each once.
func pick(list []inbox.Marker, keep func(inbox.Marker) bool) []inbox.Marker {
	var out []inbox.Marker
	for _, x := range list {
		if keep(x) && !inbox.HasMarker(out, x) {
			out = append(out, x)
		}
	}
	slices.Sort(out)
	return out
}

func (m *Mailbox) alien(lists ...[]inbox.Marker) inbox.Marker {
	for _, x := range slices.Concat(lists...) {
		if !m.options.Own(x) {
			return x
		}
	}
	return ""
}

func groupKey(add, remove []inbox.Marker) string {
	var b strings.Builder
	for _, x := range add {
		fmt.Fprintf(&b, "+%q", strings.ToLower(string(x)))
	}
	for _, x := range remove {
		fmt.Fprintf(&b, "-%q", strings.ToLower(string(x)))
	}
	return b.String()
}

// group writes the tasks, all of g, in the cheapest way.
func (mk *marking) group(ctx context.Context, g *group, tasks []task) error {
	for _, s := range plan(tasks) {
		if err := mk.step(ctx, g, s); err != nil {
			return err
		}
	}
	return nil
}

func (mk *marking) step(ctx context.Context, g *group, s step) error {
	m := mk.mailbox
	answered := map[inbox.MessageID]*api.Message{}
	err := m.write(ctx, g, func(add, remove []string) error {
		var err error
		switch s.kind {
		case oneThread:
			var answer *api.Thread
			answer, err = m.account.users.Threads.Modify(m.user(), string(s.tasks[0].Thread),
				&api.ModifyThreadRequest{AddLabelIds: add, RemoveLabelIds: remove}).Context(ctx).Do()
			if err == nil {
				collect(answered, answer.Messages...)
			}
		case batch:
			ids := make([]string, len(s.tasks))
			for i, t := range s.tasks {
				ids[i] = string(t.Message)
			}
			err = m.account.users.Messages.BatchModify(m.user(),
				&api.BatchModifyMessagesRequest{Ids: ids, AddLabelIds: add, RemoveLabelIds: remove}).Context(ctx).Do()
		default:
			var answer *api.Message
			answer, err = m.account.users.Messages.Modify(m.user(), string(s.tasks[0].Message),
				&api.ModifyMessageRequest{AddLabelIds: add, RemoveLabelIds: remove}).Context(ctx).Do()
			if err == nil {
				collect(answered, answer)
			}
		}
		return err
	})
	var bad *badName
	switch {
	case err == nil:
		for _, t := range s.tasks {
			s, err := m.after(ctx, t.state, g, answered[t.Message])
			if err != nil {
				return err
			}
			mk.end(t, pipeline.Done, s, "")
		}
		return nil
	case errors.As(err, &bad):
		for _, t := range s.tasks {
			mk.end(t, pipeline.Refused, t.state, bad.Error())
		}
		return nil
	case !google.HasCode(err, http.StatusNotFound, http.StatusBadRequest):
		return m.account.explain("set labels", err)
	}
	explained := m.account.explain("set labels", err)
	var permanent *pipeline.Permanent
	if errors.As(explained, &permanent) { // the mailbox, not the message
		return explained
	}
	// Something is wrong with one of the messages. With more than one it has to be found.
	switch {
	case len(s.tasks) == 1 && google.HasCode(err, http.StatusNotFound):
		mk.end(s.tasks[0], pipeline.Missing, inbox.State{}, "")
	case len(s.tasks) == 1 && s.kind == oneMessage:
		mk.end(s.tasks[0], pipeline.Refused, s.tasks[0].state, explained.Error())
	case s.kind == batch && len(s.tasks) > batchPays:
		half := len(s.tasks) / 2
		if err := mk.group(ctx, g, loose(s.tasks[:half])); err != nil {
			return err
		}
		return mk.group(ctx, g, loose(s.tasks[half:]))
	default:
		for i := range s.tasks {
			if err := mk.step(ctx, g, step{oneMessage, s.tasks[i : i+1]}); err != nil {
				return err
			}
		}
	}
	return nil
}

// loose gives the tasks without their threads, once writing them together has failed.
func loose(tasks []task) []task {
	out := slices.Clone(tasks)
	for i := range out {
		out[i].WholeThread = false
	}
	return out
}

// write resolves the names of g and sends, at most 100 labels at once. If Google does not know a label that the table
// has, somebody has deleted it: it is created again, and sent once more.
func (m *Mailbox) write(ctx context.Context, g *group, send func(add, remove []string) error) error {
	for first := true; ; first = false {
		add, remove, err := m.resolve(ctx, g)
		if err != nil {
			return err
		}
		err = inParts(add, remove, send)
		if !first || !unknownLabel(err) {
			return err
		}
		m.setLabels(nil)
	}
}

func inParts(add, remove []string, send func(add, remove []string) error) error {
	for len(add)+len(remove) > 0 {
		a, r := min(len(add), maxLabelIDs), min(len(remove), maxLabelIDs)
		if err := send(add[:a], remove[:r]); err != nil {
			return err
		}
		add, remove = add[a:], remove[r:]
	}
	return nil
}

// resolve turns names into ids. A label to be taken off that does not exist is on no message.
func (m *Mailbox) resolve(ctx context.Context, g *group) (add, remove []string, err error) {
	for _, name := range g.add {
		l, err := m.ensureLabel(ctx, string(name), m.colour(name))
		if err != nil {
			return nil, nil, err
		}
		add = append(add, l.id)
	}
	t, err := m.labels(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range g.remove {
		if l, ok := t.named(string(name)); ok && l.user {
			remove = append(remove, l.id)
		}
	}
	return add, remove, nil
}

// after is the state with the group's labels put on and taken off. Names are written as the mailbox has them, so that
// they equal what the next page shows. answer is the message as Google shows it after the write, nil where it does not.
func (m *Mailbox) after(ctx context.Context, s inbox.State, g *group, answer *api.Message) (inbox.State, error) {
	table, err := m.labels(ctx)
	if err != nil {
		return inbox.State{}, err
	}
	kept := pick(s.Markers, func(x inbox.Marker) bool { return !inbox.HasMarker(g.remove, x) })
	for _, name := range g.add {
		if l, ok := table.named(string(name)); ok {
			name = inbox.Marker(l.name)
		}
		kept = append(kept, name)
	}
	if answer != nil && answer.LabelIds != nil {
		now, err := m.markers(ctx, answer.LabelIds)
		if err != nil {
			return inbox.State{}, err
		}
		kept = slices.DeleteFunc(kept, func(x inbox.Marker) bool { return !m.options.Own(x) })
		kept = append(kept, slices.DeleteFunc(now, m.options.Own)...)
	}
	slices.Sort(kept)
	s.Markers = kept
	// The record of our own write. What others did before it is older, but our record comes after theirs and shows it.
	if answer != nil && answer.HistoryId <= math.MaxInt64 {
		s.Stamp = max(s.Stamp, int64(answer.HistoryId))
	}
	return s, nil
}

func collect(into map[inbox.MessageID]*api.Message, messages ...*api.Message) {
	for _, msg := range messages {
		if msg != nil {
			into[inbox.MessageID(msg.Id)] = msg
		}
	}
}
