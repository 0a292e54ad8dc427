package local_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/local"
	"github.com/postroom/postroom/providers/fault"
)

var load = flag.String("load", "40x10", "MAILBOXESxMAILS of TestLoad")

// processes is how many sync processes work the queue at once.
const processes = 10

// loadText is a manifest with so many mailboxes, half of them at each provider.
func loadText(boxes int) string {
	var b strings.Builder
	b.WriteString("version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}\nmembers:\n")
	for i, name := range []string{"Anna", "Bo", "Cleo", "Dara", "Emil", "Fie", "Gus", "Hana"} {
		fmt.Fprintf(&b, "  m%d: {name: %s, email: m%d@contoso.com}\n", i, name, i)
	}
	b.WriteString("mailboxes:\n")
	for i := range boxes {
		fmt.Fprintf(&b, "  box%d@contoso.com: {provider: %s, name: Box, agents: [m0, m1, m2, m3, m4, m5, m6, m7], leads: [m0], assign: {strategy: least-loaded}, backlog: triage unread}\n",
			i, []string{"m365", "gmail"}[i%2])
	}
	return b.String()
}

// TestLoad sends the mail of many mailboxes through the hooks and the queue to ten processes at once. All of it must be
// handled, in the order it came in, with no more than four requests at once for any mailbox. Then the same again with
// one mailbox that always fails: the others must be no later, by the world's clock, and take no more syncs. (How the hints of
// one mailbox fall into batches is left to chance, so the syncs differ a little.)
func TestLoad(t *testing.T) {
	var boxes, mails int
	if _, err := fmt.Sscanf(*load, "%dx%d", &boxes, &mails); err != nil {
		t.Fatal(err)
	}
	well := newRun(t, boxes, mails)
	well.all()
	well.check()

	ill := newRun(t, boxes, mails)
	ill.GraphDial.Add(fault.Rule{Kind: fault.Unavailable, Path: "/users/" + poisoned})
	ill.fails = poisoned
	ill.all()
	ill.check()

	if was, is := well.syncs(), ill.syncs(); is > was+was/4 {
		t.Errorf("beside a mailbox that fails, the others took %d syncs instead of %d", is, was)
	}
	t.Logf("%d mailboxes x %d mails: %d invocations, beside a mailbox that fails %d", boxes, mails, well.sync.Invocations(), ill.sync.Invocations())
}

// poisoned is the mailbox at Microsoft 365 that fails in one of the runs.
const poisoned = "box0@contoso.com"

// run is one run of the load.
type run struct {
	*site
	count int
	fails string // the mailbox that does, if one does
	mail  map[inbox.MailboxID][]inbox.MessageID

	mu     sync.Mutex
	out    map[string]bool   // groups that a process has messages of
	last   map[string]string // the newest sequence number that was handed out, by group
	broken []string
	synced map[inbox.MailboxID]int
}

func newRun(t testing.TB, boxes, mails int) *run {
	r := &run{
		site: watched(t, loadText(boxes)), count: mails, mail: map[inbox.MailboxID][]inbox.MessageID{},
		out: map[string]bool{}, last: map[string]string{}, synced: map[inbox.MailboxID]int{},
	}
	r.mapping.Taken, r.mapping.Invoked = r.taken, r.invoked
	return r
}

// all lets the mail come in, in waves, while the processes work: each mailbox gets one mail of each wave.
func (r *run) all() {
	r.Helper()
	for n := range r.count {
		for i, mb := range r.boxes {
			id := mb.Policy.Mailbox
			// Every fifth mail begins a thread that the next four continue.
			raw := letter(i*100_000 + n)
			if n%5 > 0 {
				raw = reply(i*100_000+n-n%5, i*100_000+n)
			}
			r.mail[id] = append(r.mail[id], r.receive(id, raw))
		}
		r.clock.advance(1100 * time.Millisecond) // Gmail tells of one change a second at most
		if n%3 == 2 || n == r.count-1 {
			r.deliver()
			r.work(processes)
			r.late(n%3 + 1)
		}
	}
	for r.Gmail.Stats().Push.Waiting+r.Graph.Pending() > 0 { // our own echo
		r.clock.advance(1100 * time.Millisecond)
		r.deliver()
		r.work(processes)
	}
}

// late holds the newest mails of each mailbox to be done by now: nothing waits for a time to pass but the mailbox that fails.
func (r *run) late(newest int) {
	r.Helper()
	for id, list := range r.mail {
		for _, m := range list[len(list)-newest:] {
			if string(id) != r.fails && !r.marked(id, m) {
				r.Errorf("mail %d of %s is late", slices.Index(list, m), id)
			}
		}
	}
}

// reply is a further mail of the same customer in the thread that the first one began.
func reply(first, n int) []byte {
	text := string(letter(first))
	text = strings.Replace(text, fmt.Sprintf("Message-ID: <%d@", first), fmt.Sprintf("In-Reply-To: <%d@example.com>\r\nReferences: <%d@example.com>\r\nMessage-ID: <%d@", first, first, n), 1)
	return []byte(strings.Replace(text, "Subject: ", "Subject: Re: ", 1))
}

// taken is told of a batch before it is handed to a process.
func (r *run) taken(d local.Delivered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var mine []string
	for _, m := range d.Messages {
		group, sequence := m.Attributes["MessageGroupId"], m.Attributes["SequenceNumber"]
		// What a process has given back with a time may be out again before that process is done with the rest of its batch.
		if r.out[group] && group != r.fails && !slices.Contains(mine, group) {
			r.broken = append(r.broken, "two processes have messages of "+group)
		}
		if fresh := m.Attributes["ApproximateReceiveCount"] == "1"; fresh && sequence <= r.last[group] {
			r.broken = append(r.broken, "a message of "+group+" came after a newer one")
		} else if fresh {
			r.last[group] = sequence
		}
		r.out[group] = true
		mine = append(mine, group)
	}
}

func (r *run) invoked(d local.Delivered) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := map[inbox.MailboxID]bool{}
	for _, m := range d.Messages {
		delete(r.out, m.Attributes["MessageGroupId"])
		var h struct{ Mailbox inbox.MailboxID }
		if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &h); err != nil {
			r.broken = append(r.broken, err.Error())
		}
		seen[h.Mailbox] = true
	}
	for id := range seen {
		r.synced[id]++
	}
}

// syncs is how many syncs all mailboxes took but the one that is to fail in one of the runs.
func (r *run) syncs() (sum int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, n := range r.synced {
		if id != poisoned {
			sum += n
		}
	}
	return sum
}

// check holds what has come of the run against the promises, for all mailboxes but the one that fails.
func (r *run) check() {
	r.Helper()
	for _, b := range r.broken {
		r.Error(b)
	}
	mail := map[inbox.MailboxID][]inbox.MessageID{}
	for id, list := range r.mail {
		if string(id) != r.fails {
			mail[id] = list
		}
	}
	r.settled(mail)
	r.inOrder(mail)
	for address, s := range r.Graph.Stats().Mailboxes {
		if s.MaxInFlight > 4 {
			r.Errorf("%d requests at once for %s", s.MaxInFlight, address)
		}
	}
	for address, s := range r.Gmail.Stats().Mailboxes {
		if s.MaxInFlight > 4 {
			r.Errorf("%d requests at once for %s", s.MaxInFlight, address)
		}
	}
	if st := r.mapping.Stats(); r.fails == "" && st.Failures > 0 {
		r.Errorf("%d messages went back", st.Failures)
	}
	if n := len(r.sync.Inits()); n < 2 {
		r.Errorf("%d processes worked the queue", n)
	}
}

// inOrder: the mails of one thread joined their conversation in the order in which they came in.
func (r *run) inOrder(mail map[inbox.MailboxID][]inbox.MessageID) {
	r.Helper()
	for id, list := range mail {
		conversations, err := r.table.List(r.Context(), id, "", 100_000)
		r.must(err)
		if want := (len(list) + 4) / 5; len(conversations) != want {
			r.Errorf("%s has %d conversations of %d threads", id, len(conversations), want)
		}
		for _, c := range conversations {
			events, err := r.table.Timeline(r.Context(), id, c.ID, 0, 100_000)
			r.must(err)
			last := -1
			for _, e := range events {
				if e.Mail == nil {
					continue
				}
				place := slices.Index(list, e.Message)
				if place <= last {
					r.Errorf("%s: mail %d joined its conversation after mail %d", id, place, last)
				}
				last = place
			}
		}
	}
}
