package gmail_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/automail"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
)

const multipart = "From: =?iso-8859-1?Q?S=F8ren_M=FCller?= <Soren@Fabrikam.com>\r\n" +
	"To: Contoso Support <Support@contoso.com>, \"Sales, Contoso\" <sales@contoso.com>\r\n" +
	"Cc: cc@fabrikam.com\r\n" +
	"Subject: =?UTF-8?B?UmVmdW5kIPCfmYI=?=\r\n" +
	"Message-ID: <m1@fabrikam.com>\r\nIn-Reply-To: <m0@fabrikam.com>\r\nReferences: <a@x> <m0@fabrikam.com>\r\n" +
	"X-Order: 42\r\nSender: forged@example.com\r\n" +
	"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nK=F8b\r\n" +
	"--b\r\nContent-Type: application/pdf; name=invoice.pdf\r\nContent-Disposition: attachment; filename=\"invoice.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"

func TestFetch(t *testing.T) {
	for _, whole := range []bool{false, true} {
		t.Run(fmt.Sprintf("whole %t", whole), func(t *testing.T) {
			d := newDesk(t, func(o *gmail.Options) {
				o.Needs = rules.Needs{Body: whole, Attachments: whole}
				o.Header = []string{"x-order"}
			})
			id := inbox.MessageID(must(d.sim.Receive(box, []byte(multipart)))(d))
			d.ok(d.sim.AddLabel(box, string(id), "VIP"))
			got := d.fetch(id, "18c0000000000000", "nonsense")
			if len(got) != 3 || !got["18c0000000000000"].Gone || !got["nonsense"].Gone {
				t.Fatalf("got %+v", got)
			}
			o := got[id]
			m := o.Message
			if o.State == nil || o.State.Place != inbox.Inbox || show(o.State.Markers) != "VIP" || o.State.Stamp == 0 {
				t.Errorf("state %+v", o.State)
			}
			people := fmt.Sprintf("%s <%s> | %s | %s <%s>, %s | %s", m.From.Name, m.From.Address, m.Sender.Address, m.To[0].Name, m.To[0].Address, m.To[1].Name, m.Cc[0].Address)
			if people != "Søren Müller <soren@fabrikam.com> |  | Contoso Support <support@contoso.com>, Sales, Contoso | cc@fabrikam.com" {
				t.Errorf("people: %s", people)
			}
			if m.Subject != "Refund 🙂" || m.RFCID != "<m1@fabrikam.com>" || m.InReplyTo != "<m0@fabrikam.com>" || len(m.References) != 2 {
				t.Errorf("message %+v", m)
			}
			if m.Get("X-Order") != "42" || !m.At.Equal(d.clock.Now()) || m.Direction != inbox.In || !m.Unread || m.Unreadable != "" || m.Size == 0 {
				t.Errorf("message %+v", m)
			}
			if whole && (strings.TrimSpace(m.Body) != "Køb" || len(m.Attachments) != 1 || m.Attachments[0] != (inbox.Attachment{Name: "invoice.pdf", Type: "application/pdf", Size: 5})) {
				t.Errorf("body %q, attachments %+v", m.Body, m.Attachments)
			}
			if !whole && (m.Body != "" || m.Attachments != nil) {
				t.Errorf("body %q, attachments %+v without a rule that asks", m.Body, m.Attachments)
			}
		})
	}
}

// A text that Gmail keeps apart is read where a rule looks at bodies.
func TestFetchLargeText(t *testing.T) {
	d := newDesk(t, func(o *gmail.Options) { o.Needs.Body = true })
	d.sim.InlineLimit = 100
	id := inbox.MessageID(must(d.sim.Receive(box, append(rawMail("1@x", "one"), []byte(strings.Repeat("refund ", 1000))...)))(d))
	if m := d.fetch(id)[id].Message; !strings.Contains(m.Body, "refund refund") {
		t.Errorf("body %q", m.Body)
	}
}

// The delegate who answered is known where Gmail tells, and believed on sent mail only.
func TestSender(t *testing.T) {
	d := newDesk(t)
	id := d.receive("1@x", "one")
	told := inbox.MessageID(must(d.sim.Answer(box, string(id), "bo@contoso.com", "hello"))(d))
	hidden := inbox.MessageID(must(d.sim.Answer(box, string(id), "", "hello"))(d))
	got := d.fetch(told, hidden)
	if m := got[told].Message; m.Direction != inbox.Out || m.Sender.Address != "bo@contoso.com" || m.From.Address != box {
		t.Errorf("told: %+v", m)
	}
	if m := got[hidden].Message; m.Direction != inbox.Out || m.Sender != (inbox.Person{}) {
		t.Errorf("hidden: %+v", m)
	}
}

// Without a list of fields every one is read; with one, those on it and those that Postroom needs.
func TestFetchHeader(t *testing.T) {
	for _, c := range []struct {
		ask        []string
		order, spf bool
	}{{nil, true, true}, {[]string{}, false, false}, {[]string{"X-ORDER"}, true, false}} {
		t.Run(fmt.Sprint(c.ask), func(t *testing.T) {
			d := newDesk(t, func(o *gmail.Options) { o.Header = c.ask })
			id := inbox.MessageID(must(d.sim.Receive(box, append([]byte("X-Order: 7\r\nReceived-SPF: pass\r\nPrecedence: bulk\r\n"), rawMail("1@x", "one")...)))(d))
			m := d.fetch(id)[id].Message
			if order, spf := m.Get("X-Order") == "7", m.Get("Received-SPF") == "pass"; order != c.order || spf != c.spf || m.Get("Precedence") != "bulk" {
				t.Errorf("header %v", m.Header)
			}
		})
	}
}

// What tells automated mail is read even when only listed fields are.
func TestFetchAutomated(t *testing.T) {
	d := newDesk(t, func(o *gmail.Options) { o.Header = []string{} })
	for _, line := range []string{
		"Auto-Submitted: auto-replied", "Precedence: bulk", "List-Id: <l.example.com>", "List-Unsubscribe: <https://example.com>", "List-Post: <mailto:l@example.com>",
		"X-Autoreply: yes", "X-Autorespond: yes", "X-Autoresponder: yes", "X-Auto-Reply-From: a@example.com", "X-Mail-Autoreply: yes",
		"X-Vacation: yes", "X-Autogenerated: yes", "X-Failed-Recipients: a@example.com", "X-Loop: a@example.com", "Return-Path: <>",
		"Content-Type: multipart/report; boundary=b",
	} {
		id := inbox.MessageID(must(d.sim.Receive(box, append([]byte(line+"\r\n"), rawMail("1@x", "one")...)))(d))
		if m := d.fetch(id)[id].Message; automail.Reason(*m) == "" {
			t.Errorf("%s is not seen; header %v", line, m.Header)
		}
	}
}

// Three messages of a thread are read at once, because that is cheaper.
func TestFetchThread(t *testing.T) {
	d := newDesk(t)
	_, three := d.thread("three", 3)
	_, two := d.thread("two", 2)
	d.changes("")
	d.ok(d.sim.Delete(box, string(three[1])))
	before := d.units()
	got := d.fetch(append(three, two...)...)
	if len(got) != 5 || !got[three[1]].Gone || got[three[2]].Message == nil || got[two[0]].Message == nil {
		t.Errorf("got %+v", got)
	}
	if used := d.units() - before; used != 40+20+2*20 {
		t.Errorf("%d units", used)
	}
}

func TestFetchGoneThread(t *testing.T) {
	d := newDesk(t)
	_, ids := d.thread("three", 3)
	d.changes("")
	for _, id := range ids {
		d.ok(d.sim.Delete(box, string(id)))
	}
	for id, o := range d.fetch(ids...) {
		if !o.Gone {
			t.Errorf("%s: %+v", id, o)
		}
	}
}

func TestAtMostFourInFlight(t *testing.T) {
	d := newDesk(t)
	ids := d.receiveMany(60)
	d.dial.Latency = time.Millisecond
	d.dial.Sleep = nil
	if got := d.fetch(ids...); len(got) != len(ids) {
		t.Errorf("%d messages", len(got))
	}
	if n := d.wire.MaxInFlight(); n != 4 {
		t.Errorf("%d requests at once", n)
	}
}

// What was read before Google refused is not lost.
func TestFetchThrottled(t *testing.T) {
	d := newDesk(t)
	ids := d.receiveMany(40)
	d.dial.Add(fault.Rule{Kind: fault.Throttle, RetryAfter: 17 * time.Second, Skip: 20})
	got, err := d.mailbox.Fetch(t.Context(), ids)
	var limited *pipeline.Throttled
	if !errors.As(err, &limited) || limited.After != 17*time.Second {
		t.Fatalf("got %v", err)
	}
	if len(got) != 20 {
		t.Errorf("%d messages came back", len(got))
	}
	if n := d.wire.RoundTrips(); n > 24 {
		t.Errorf("%d requests, four after the refusal at most", n)
	}
}

// A message that Google never shows does not hold up the others.
func TestUnreadableMessage(t *testing.T) {
	d := newDesk(t)
	id, other := d.receive("1@x", "one"), d.receive("2@x", "two")
	next := d.wire.Handler
	d.wire.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, string(id)) && r.URL.Query().Get("format") != "minimal" {
			http.Error(w, `{"error":{"code":400,"message":"Cannot be shown","errors":[{"reason":"failedPrecondition"}]}}`, http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
	got := d.fetch(id, other)
	if m := got[id].Message; m == nil || !strings.Contains(m.Unreadable, "Cannot be shown") || got[id].State.Place != inbox.Inbox || m.At.IsZero() {
		t.Errorf("got %+v", m)
	}
	if m := got[other].Message; m == nil || m.Unreadable != "" {
		t.Errorf("got %+v", m)
	}
}
