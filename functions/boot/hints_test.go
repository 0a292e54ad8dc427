package boot_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
	"pgregory.net/rapid"
)

// TestHints lets mail come in and people work at both mailboxes while notifications are lost, doubled, reordered and
// forged on their way to the real hooks. One sweep later every mail must be in exactly one conversation and carry its
// markers.
func TestHints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tr := newTraffic(t)
		for range rapid.IntRange(5, 40).Draw(t, "steps") {
			tr.happen()
		}
		tr.calm()
		tr.check()
	})
}

// traffic is a site with what comes in at its mailboxes.
type traffic struct {
	*site
	t      *rapid.T
	mail   map[inbox.MailboxID][]inbox.MessageID // received, by the order of letters
	of     map[inbox.MessageID]coretest.Letter
	synced []syncing // all there were
	arm    map[inbox.MailboxID]func(int)
	faults map[inbox.MailboxID]int
}

func newTraffic(t *rapid.T) *traffic {
	tr := &traffic{
		site: newSite(t, twoMailboxes, rapid.Uint64().Draw(t, "seed")), t: t,
		mail: map[inbox.MailboxID][]inbox.MessageID{}, of: map[inbox.MessageID]coretest.Letter{},
		arm: map[inbox.MailboxID]func(int){}, faults: map[inbox.MailboxID]int{},
	}
	chance := func(what string) float64 {
		return rapid.SampledFrom([]float64{0, 0.3, 0.8, 1}).Draw(t, what)
	}
	tr.Graph.NotificationFaults = graphsim.NotificationFaults{
		Loss: chance("graph loss"), Duplicate: chance("graph duplicate"), Reorder: rapid.Bool().Draw(t, "graph reorder"),
	}
	tr.Graph.DeltaLag = rapid.SampledFrom([]time.Duration{0, 0, 4 * time.Second}).Draw(t, "delta lag")
	tr.Gmail.LabelsAtRecordTime = rapid.Bool().Draw(t, "labels at record time")
	p := &tr.Gmail.Push
	p.Loss, p.Duplicate, p.Reorder = chance("gmail loss"), chance("gmail duplicate"), rapid.Bool().Draw(t, "gmail reorder")
	p.StringHistoryID, p.Base64URL = rapid.Bool().Draw(t, "historyId as a string"), rapid.Bool().Draw(t, "URL-safe base64")
	for id, dial := range map[inbox.MailboxID]*fault.Dial{support: tr.GraphDial, hello: tr.GmailDial} {
		names, arm := disturb(dial, id == support)
		tr.arm[id], tr.faults[id] = arm, len(names)
	}
	return tr
}

// happen lets one thing happen.
func (tr *traffic) happen() {
	tr.advance(time.Duration(rapid.IntRange(1, 40).Draw(tr.t, "seconds")) * time.Second)
	id := rapid.SampledFrom([]inbox.MailboxID{support, hello}).Draw(tr.t, "mailbox")
	moves := []func(inbox.MailboxID){
		tr.customer, tr.customer, tr.reply, tr.answer, tr.mark, tr.move, tr.forge, tr.fault, tr.lifecycle, tr.expire, tr.restart,
		func(inbox.MailboxID) { tr.deliver() }, func(inbox.MailboxID) { tr.deliver() },
		func(inbox.MailboxID) { tr.tick() }, func(inbox.MailboxID) { tr.tick() },
		func(inbox.MailboxID) { tr.workAll() }, func(inbox.MailboxID) { tr.workAll() }, func(inbox.MailboxID) { tr.workAll() },
	}
	moves[rapid.IntRange(0, len(moves)-1).Draw(tr.t, "move")](id)
}

func (tr *traffic) workAll() { tr.synced = append(tr.synced, tr.work()...) }

func (tr *traffic) write(id inbox.MailboxID, l coretest.Letter) {
	l.RFCID, l.At = fmt.Sprintf("<%d@customer.example>", len(tr.of)+1), tr.now
	var got string
	var err error
	if id == hello {
		got, err = tr.Gmail.Receive(hello, raw(l, hello))
	} else {
		got, err = tr.Graph.Receive(support, raw(l, support))
	}
	tr.must(err)
	tr.mail[id] = append(tr.mail[id], inbox.MessageID(got))
	tr.of[inbox.MessageID(got)] = l
}

func (tr *traffic) customer(id inbox.MailboxID) {
	tr.write(id, coretest.Letter{
		From:    rapid.SampledFrom([]inbox.Address{"ann@customer.example", "bo@other.example"}).Draw(tr.t, "from"),
		Subject: rapid.SampledFrom([]string{"Invoice", "Parcel"}).Draw(tr.t, "subject"),
	})
}

// pick draws one of the mails that have come in.
func (tr *traffic) pick(id inbox.MailboxID) (inbox.MessageID, bool) {
	list := tr.mail[id]
	if len(list) == 0 {
		return "", false
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(tr.t, "mail")], true
}

func (tr *traffic) reply(id inbox.MailboxID) {
	if m, ok := tr.pick(id); ok {
		to := tr.of[m]
		tr.write(id, coretest.Letter{From: to.From, Subject: to.Subject, InReplyTo: to.RFCID})
	}
}

func (tr *traffic) answer(id inbox.MailboxID) {
	m, ok := tr.pick(id)
	if !ok {
		return
	}
	by := rapid.SampledFrom([]string{"", "one@staff.example"}).Draw(tr.t, "by")
	var err error
	if id == hello {
		_, err = tr.Gmail.Answer(hello, string(m), by, "An answer.")
	} else {
		_, err = tr.Graph.Answer(support, string(m), by, "An answer.")
	}
	tr.must(err)
}

// mark puts a marker of ours on a mail, or takes it off.
func (tr *traffic) mark(id inbox.MailboxID) {
	m, ok := tr.pick(id)
	if !ok {
		return
	}
	entry, _ := tr.mailboxes.Entry(id)
	names := []string{string(entry.Policy.Markers.Closed)}
	for _, member := range entry.Policy.Members {
		names = append(names, string(member.Marker))
	}
	name := rapid.SampledFrom(names).Draw(tr.t, "marker")
	on := rapid.IntRange(0, 3).Draw(tr.t, "on") > 0
	var err error
	switch {
	case id == hello && on:
		err = tr.Gmail.AddLabel(hello, string(m), name)
	case id == hello:
		if was, err := tr.Gmail.Message(hello, string(m)); err != nil || !was.Has(name) {
			return
		}
		err = tr.Gmail.RemoveLabel(hello, string(m), name)
	case on:
		err = tr.Graph.AddCategory(support, string(m), name)
	default:
		err = tr.Graph.RemoveCategory(support, string(m), name)
	}
	tr.must(err)
}

func (tr *traffic) move(id inbox.MailboxID) {
	m, ok := tr.pick(id)
	if !ok {
		return
	}
	to := rapid.SampledFrom([]inbox.Place{inbox.Archive, inbox.Inbox}).Draw(tr.t, "to")
	switch state, _ := tr.state(id, m); {
	case state.Place == to:
	case id == support:
		tr.must(tr.Graph.Move(support, string(m), graphFolders[to]))
	case to == inbox.Inbox:
		tr.must(tr.Gmail.AddLabel(hello, string(m), "INBOX"))
	default:
		tr.must(tr.Gmail.RemoveLabel(hello, string(m), "INBOX"))
	}
}

func (tr *traffic) fault(id inbox.MailboxID) {
	tr.arm[id](rapid.IntRange(0, tr.faults[id]-1).Draw(tr.t, "fault"))
}

// lifecycle lets Graph do something to the subscription. With one it has lost, only sweeps are left.
func (tr *traffic) lifecycle(inbox.MailboxID) {
	if len(tr.Graph.Subscriptions()) > 0 {
		tr.must(tr.Graph.Lifecycle("", rapid.SampledFrom([]string{"reauthorizationRequired", "subscriptionRemoved", "missed"}).Draw(tr.t, "event")))
	}
}

// expire lets the provider forget every cursor.
func (tr *traffic) expire(id inbox.MailboxID) {
	if id == hello {
		tr.must(tr.Gmail.ExpireHistory(hello))
		return
	}
	tr.must(tr.Graph.ExpireDelta(support, rapid.SampledFrom([]string{"inbox", "sentitems", "archive"}).Draw(tr.t, "folder")))
}

// restart begins a new process on the same state.
func (tr *traffic) restart(inbox.MailboxID) { tr.open(parse(tr.t, twoMailboxes)) }

// forge sends what a stranger can send. None of it may become a hint.
func (tr *traffic) forge(inbox.MailboxID) {
	enqueued := tr.graphHook.Counts().Enqueued + tr.gmailHook.Counts().Enqueued
	ours := "daa66d13-0000-4000-8003-000000000000"
	if list := tr.Graph.Subscriptions(); len(list) > 0 {
		ours = list[0].ID
	}
	genuine := func() string { return tr.token(nil) }
	forgeries := []struct {
		path  string
		token func() string
		body  string
		want  int
	}{
		{web.GraphPath, nil, `{"value":[{"subscriptionId":"4f105c7d","clientState":"x","changeType":"created"}]}`, http.StatusAccepted},
		{web.GraphPath, nil, `{"value":[{"subscriptionId":"` + ours + `","clientState":"guess","changeType":"created"}]}`, http.StatusAccepted},
		{web.GraphPath, nil, `{"value":[{"subscriptionId":"` + ours + `","changeType":"created"}]}`, http.StatusAccepted},
		{web.GraphLifecyclePath, nil, `{"value":[{"subscriptionId":"` + ours + `","clientState":"guess","lifecycleEvent":"subscriptionRemoved"}]}`, http.StatusAccepted},
		{web.GraphPath, nil, `not at all`, http.StatusBadRequest},
		{web.GmailPath, nil, push(hello, subscription), http.StatusUnauthorized},
		{web.GmailPath, func() string { return tr.token(map[string]any{"email": "evil@other.iam.gserviceaccount.com"}) }, push(hello, subscription), http.StatusForbidden},
		{web.GmailPath, func() string { return tr.token(map[string]any{"exp": tr.now.Add(-time.Minute).Unix()}) }, push(hello, subscription), http.StatusUnauthorized},
		{web.GmailPath, genuine, push(hello, "projects/evil-project/subscriptions/s"), http.StatusForbidden},
		{web.GmailPath, genuine, push("stranger@contoso.com", subscription), http.StatusNoContent},
		{web.GmailPath, genuine, `{"message":{"data":"!!!"},"subscription":"` + subscription + `"}`, http.StatusNoContent},
	}
	f := forgeries[rapid.IntRange(0, len(forgeries)-1).Draw(tr.t, "forgery")]
	token := ""
	if f.token != nil {
		token = f.token()
	}
	if got := tr.post(f.path, token, f.body); got != f.want {
		tr.t.Fatalf("%s with %s was answered %d, not %d", f.path, f.body, got, f.want)
	}
	if n := tr.graphHook.Counts().Enqueued + tr.gmailHook.Counts().Enqueued; n != enqueued {
		tr.t.Fatalf("%s with %s became a hint", f.path, f.body)
	}
}

// calm ends the faults. What notifications are under way never arrives: the sweep that is due has to do.
func (tr *traffic) calm() {
	tr.GraphDial.Clear()
	tr.GmailDial.Clear()
	tr.advance(sweep)
	tr.tick()
	tr.workAll()
	for range 10 { // a batch that failed before comes back when its wait is over
		if tr.queue.Waiting() == 0 {
			return
		}
		tr.advance(time.Minute)
		tr.workAll()
	}
	tr.t.Fatalf("the queue does not get empty: %v", tr.log.lines("sync failed"))
}

func (tr *traffic) check() {
	for _, s := range tr.synced {
		if s.Mailbox != support && s.Mailbox != hello {
			tr.t.Fatalf("the mailbox %s was worked", s.Mailbox)
		}
	}
	for id, list := range tr.mail {
		where := map[inbox.MessageID][]inbox.Conversation{}
		conversations, err := tr.store.List(tr.ctx, id, "", 10_000)
		tr.must(err)
		for _, c := range conversations {
			messages, err := tr.store.Messages(tr.ctx, id, c.ID, "", 10_000)
			tr.must(err)
			for _, m := range messages {
				where[m.ID] = append(where[m.ID], c)
			}
		}
		entry, _ := tr.mailboxes.Entry(id)
		for _, m := range list {
			if n := len(where[m]); n != 1 {
				tr.t.Fatalf("message %s of %s is in %d conversations", m, id, n)
			}
			state, ok := tr.state(id, m)
			if !ok {
				tr.t.Fatalf("message %s of %s is gone", m, id)
			}
			c := where[m][0]
			if add, remove := entry.Policy.Difference(state.Markers, entry.Policy.Shown(c)); len(add)+len(remove) > 0 {
				tr.t.Fatalf("message %s of %s carries %v, its conversation (%s, %q) shows %v", m, id, state.Markers, c.Status, c.Owner, entry.Policy.Shown(c))
			}
		}
	}
}

func (tr *traffic) state(id inbox.MailboxID, m inbox.MessageID) (inbox.State, bool) {
	if id == hello {
		got, err := tr.Gmail.Message(hello, string(m))
		return gmailState(got), err == nil
	}
	got, err := tr.Graph.Message(support, string(m))
	return graphState(got), err == nil
}
