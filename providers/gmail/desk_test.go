package gmail_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/gmail/contract"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

const box = "support@contoso.com"

// desk is a mailbox in the simulator with the adapter in front of it. Every exchange is held to Google's discovery
// document.
type desk struct {
	*testing.T
	sim     *gmailsim.Sim
	dial    *fault.Dial
	clock   *clock.Clock
	wire    *fault.Transport
	client  *gmail.Client
	mailbox *gmail.Mailbox
	minted  *[]inbox.MailboxID // mailboxes that a token was asked for
}

var discovery = sync.OnceValues(func() (*contract.Contract, error) {
	path, err := contract.Discovery(context.Background())
	if err != nil {
		return nil, err
	}
	return contract.Load(path)
})

func newDesk(t *testing.T, options ...func(*gmail.Options)) *desk {
	t.Helper()
	t.Parallel()
	doc, err := discovery()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, sim: gmailsim.New(), dial: &fault.Dial{}, clock: clock.At(time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)), minted: &[]inbox.MailboxID{}}
	d.dial.Sleep = func(time.Duration) {}
	d.sim.Now, d.sim.Dial = d.clock.Now, d.dial
	d.sim.AddMailbox(box)
	d.wire = &fault.Transport{Handler: doc.Wrap(d.sim, func(v string) { t.Error(v) })}
	d.client, err = gmail.NewClient(gmail.Config{
		Transport: d.wire, Mailboxes: []inbox.MailboxID{box},
		Tokens: func(m inbox.MailboxID) (oauth2.TokenSource, error) {
			*d.minted = append(*d.minted, m)
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(m)}), nil
		},
		Now: d.clock.Now, Sleep: d.clock.Wait, Rand: rand.New(rand.NewPCG(1, 2)),
	})
	d.ok(err)
	d.mailbox = d.open(options...)
	return d
}

// open is another adapter on the same mailbox, as after a restart.
func (d *desk) open(options ...func(*gmail.Options)) *gmail.Mailbox {
	d.Helper()
	o := gmail.Options{Address: box}
	for _, f := range options {
		f(&o)
	}
	m, err := d.client.Mailbox(o)
	d.ok(err)
	return m
}

func (d *desk) ok(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

func must[T any](v T, err error) func(*desk) T {
	return func(d *desk) T {
		d.Helper()
		d.ok(err)
		return v
	}
}

func rawMail(messageID, subject string, refs ...string) []byte {
	m := "From: Anna <anna@fabrikam.com>\r\nTo: " + box + "\r\nSubject: " + subject + "\r\nMessage-ID: <" + messageID + ">\r\n"
	if len(refs) > 0 {
		m += "In-Reply-To: <" + refs[len(refs)-1] + ">\r\nReferences: <" + strings.Join(refs, "> <") + ">\r\n"
	}
	return []byte(m + "\r\nWhere is my order?\r\n")
}

// receive delivers a mail to the inbox.
func (d *desk) receive(messageID, subject string, refs ...string) inbox.MessageID {
	d.Helper()
	return inbox.MessageID(must(d.sim.Receive(box, rawMail(messageID, subject, refs...)))(d))
}

// receiveMany delivers n mails, each in a thread of its own.
func (d *desk) receiveMany(n int) []inbox.MessageID {
	d.Helper()
	ids := make([]inbox.MessageID, n)
	for i := range ids {
		ids[i] = d.receive(fmt.Sprintf("m%d@fabrikam.com", i), fmt.Sprintf("order %d", i))
	}
	return ids
}

// thread delivers n mails of one thread.
func (d *desk) thread(name string, n int) (inbox.ThreadID, []inbox.MessageID) {
	d.Helper()
	var refs []string
	ids := make([]inbox.MessageID, n)
	for i := range ids {
		id := fmt.Sprintf("%s-%d@fabrikam.com", name, i)
		ids[i] = d.receive(id, "about "+name, refs...)
		refs = append(refs, id)
	}
	return inbox.ThreadID(d.message(ids[0]).ThreadID), ids
}

func (d *desk) message(id inbox.MessageID) gmailsim.Message {
	d.Helper()
	return must(d.sim.Message(box, string(id)))(d)
}

// labels are the names of a message's labels without Gmail's own.
func (d *desk) labels(id inbox.MessageID) string {
	d.Helper()
	names := slices.DeleteFunc(slices.Clone(d.message(id).Labels), func(l string) bool {
		return l == "INBOX" || l == "UNREAD" || l == "SENT" || l == "TRASH" || l == "SPAM"
	})
	slices.Sort(names)
	return strings.Join(names, " ")
}

func (d *desk) units() int { return d.sim.Stats().QuotaUnits }

// changes reads all pages from the cursor.
func (d *desk) changes(at inbox.Cursor) ([]inbox.Observation, inbox.Cursor) {
	d.Helper()
	var all []inbox.Observation
	for range 1000 {
		page, err := d.mailbox.Changes(d.Context(), at)
		d.ok(err)
		all, at = append(all, page.Changes...), page.Next
		if !page.More {
			return all, at
		}
	}
	d.Fatal("the pages have no end")
	return nil, ""
}

// start is the cursor after the first listing.
func (d *desk) start() inbox.Cursor {
	d.Helper()
	_, at := d.changes("")
	return at
}

func (d *desk) fetch(ids ...inbox.MessageID) map[inbox.MessageID]inbox.Observation {
	d.Helper()
	got, err := d.mailbox.Fetch(d.Context(), ids)
	d.ok(err)
	return byID(d, got)
}

func byID(d *desk, list []inbox.Observation) map[inbox.MessageID]inbox.Observation {
	d.Helper()
	out := map[inbox.MessageID]inbox.Observation{}
	for _, o := range list {
		if _, twice := out[o.ID]; twice {
			d.Errorf("message %s is there twice", o.ID)
		}
		out[o.ID] = o
	}
	return out
}

func write(id inbox.MessageID, s inbox.State, add, remove string) pipeline.Write {
	return pipeline.Write{Message: id, State: s, Add: markers(add), Remove: markers(remove)}
}

func markers(list string) []inbox.Marker {
	var out []inbox.Marker
	for _, n := range strings.Fields(list) {
		out = append(out, inbox.Marker(n))
	}
	return out
}

func show(list []inbox.Marker) string {
	var names []string
	for _, m := range list {
		names = append(names, string(m))
	}
	return strings.Join(names, " ")
}

// roundTrip is a wire that a test gives as a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
