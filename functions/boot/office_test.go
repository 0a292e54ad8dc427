package boot_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
	"github.com/postroom/postroom/providers/msgraph"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
	"pgregory.net/rapid"
)

// disturb lists the faults that a dial can have, each for one or two of the next requests that it fits.
func disturb(dial *fault.Dial, batches bool) (names []string, arm func(int)) {
	rules := []struct {
		name string
		fault.Rule
	}{
		{"429 with a time", fault.Rule{Kind: fault.Throttle, RetryAfter: 3 * time.Second, Times: 1}},
		{"429 without one", fault.Rule{Kind: fault.ThrottleBare, Times: 2}},
		{"503", fault.Rule{Kind: fault.Unavailable, Times: 1}},
		{"reset", fault.Rule{Kind: fault.Reset, Times: 1}},
		{"a lost answer", fault.Rule{Kind: fault.Lost, Times: 1}},
		{"a lost answer to a write", fault.Rule{Kind: fault.Lost, Method: http.MethodPost, Times: 1}},
		{"slow", fault.Rule{Kind: fault.Slow, Delay: 2 * time.Second, Times: 3}},
	}
	if batches {
		rules = append(rules, struct {
			name string
			fault.Rule
		}{"429 inside a batch", fault.Rule{Kind: fault.InnerThrottle, RetryAfter: 2 * time.Second, Times: 2}})
	}
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names, func(n int) { dial.Add(rules[n].Rule) }
}

// raw is the letter as it comes in over SMTP.
func raw(l coretest.Letter, to string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMessage-ID: %s\r\nDate: %s\r\n", l.From, to, l.Subject, l.RFCID, l.At.Format(time.RFC1123Z))
	if l.InReplyTo != "" {
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences: %s\r\n", l.InReplyTo, l.InReplyTo)
	}
	if l.Automated {
		b.WriteString("Auto-Submitted: auto-replied\r\n")
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n")
	return []byte(b.String())
}

// graphFolders are where a person moves a mail to in Outlook.
var graphFolders = map[inbox.Place]string{inbox.Inbox: "inbox", inbox.Archive: "archive", inbox.Trash: "deleteditems"}

func graphState(m graphsim.Message) (s inbox.State) {
	places := map[string]inbox.Place{"sentitems": inbox.Sent, "drafts": inbox.Drafts}
	for place, folder := range graphFolders {
		places[folder] = place
	}
	s.Place = places[m.Folder]
	for _, c := range m.Categories {
		s.Markers = append(s.Markers, inbox.Marker(c))
	}
	return s
}

func gmailState(m gmailsim.Message) (s inbox.State) {
	system := map[string]inbox.Place{"TRASH": inbox.Trash, "SPAM": inbox.Junk, "DRAFT": inbox.Drafts, "INBOX": inbox.Inbox, "SENT": inbox.Sent}
	s.Place = inbox.Archive
	for _, label := range []string{"SENT", "INBOX", "DRAFT", "SPAM", "TRASH"} {
		if m.Has(label) {
			s.Place = system[label]
		}
	}
	for _, l := range m.Labels {
		if _, is := system[l]; !is && l != "UNREAD" {
			s.Markers = append(s.Markers, inbox.Marker(l))
		}
	}
	return s
}

func graphOffice(t *rapid.T, w *world) coretest.Office {
	const address = "support@contoso.com"
	policy := coretest.HistoryPolicy(address, "", 0)
	client, err := msgraph.NewClient(msgraph.Options{BaseURL: "http://graph.simulated/v1.0", Transport: w.GraphTrips, Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	provider, err := client.Mailbox(msgraph.MailboxOptions{Address: address, Own: policy.Own, PageSize: rapid.IntRange(1, 8).Draw(t, "page size")})
	if err != nil {
		t.Fatal(err)
	}
	w.Graph.DeltaRepeats = rapid.Bool().Draw(t, "delta repeats")
	w.Graph.DeltaSparse = rapid.Bool().Draw(t, "delta sparse")
	w.Graph.DeltaEmptyPages = rapid.Bool().Draw(t, "empty pages")
	names, arm := disturb(w.GraphDial, true)
	done := func(err error) bool { return err == nil }
	return coretest.Office{
		Mailbox: address, Provider: provider, Now: func() time.Time { return w.now }, Advance: w.advance,
		Receive: func(l coretest.Letter) inbox.MessageID {
			id, err := w.Graph.ReceiveAt(address, "inbox", raw(l, address), l.At, l.Read)
			if err != nil {
				t.Fatal(err)
			}
			return inbox.MessageID(id)
		},
		Answer: func(id inbox.MessageID, by inbox.Address) bool {
			_, err := w.Graph.Answer(address, string(id), string(by), "An answer.")
			return done(err)
		},
		Draft: func(id inbox.MessageID) bool {
			_, err := w.Graph.SaveDraft(address, string(id), "A draft.")
			return done(err)
		},
		Mark: func(id inbox.MessageID, m inbox.Marker, on bool) bool {
			before, err := w.Graph.Message(address, string(id))
			if err != nil || slices.Contains(before.Categories, string(m)) == on {
				return false
			}
			if on {
				return done(w.Graph.AddCategory(address, string(id), string(m)))
			}
			return done(w.Graph.RemoveCategory(address, string(id), string(m)))
		},
		Move: func(id inbox.MessageID, to inbox.Place) bool {
			return done(w.Graph.Move(address, string(id), graphFolders[to]))
		},
		Delete: func(id inbox.MessageID) bool { return done(w.Graph.Erase(address, string(id))) },
		State: func(id inbox.MessageID) (inbox.State, bool) {
			m, err := w.Graph.Message(address, string(id))
			return graphState(m), err == nil
		},
		All: func() (ids []inbox.MessageID) {
			list, err := w.Graph.Messages(address)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if m.Folder != "drafts" {
					ids = append(ids, inbox.MessageID(m.ID))
				}
			}
			return ids
		},
		Disturbances: names, Disturb: arm, Calm: w.GraphDial.Clear,
		Expire: func() {
			folder := rapid.SampledFrom([]string{"inbox", "sentitems", "archive"}).Draw(t, "folder")
			if err := w.Graph.ExpireDelta(address, folder); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func gmailOffice(t *rapid.T, w *world) coretest.Office {
	const address = "hello@contoso.com"
	w.Gmail.LabelsAtRecordTime = rapid.Bool().Draw(t, "labels at record time")
	policy := coretest.HistoryPolicy(address, "", 0)
	clients, err := w.Clients(parse(t, twoMailboxes))
	if err != nil {
		t.Fatal(err)
	}
	provider, err := clients.Gmail.Mailbox(gmail.Options{Address: address, Own: policy.Own})
	if err != nil {
		t.Fatal(err)
	}
	names, arm := disturb(w.GmailDial, false)
	label := func(id inbox.MessageID, name string, on bool) bool {
		before, err := w.Gmail.Message(address, string(id))
		if err != nil || before.Has(name) == on {
			return false
		}
		if on {
			return w.Gmail.AddLabel(address, string(id), name) == nil
		}
		return w.Gmail.RemoveLabel(address, string(id), name) == nil
	}
	return coretest.Office{
		Mailbox: address, Provider: provider, Now: func() time.Time { return w.now }, Advance: w.advance,
		Receive: func(l coretest.Letter) inbox.MessageID {
			labels := []string{"INBOX", "UNREAD"}
			if l.Read {
				labels = labels[:1]
			}
			id, err := w.Gmail.ReceiveAt(address, raw(l, address), l.At, labels...)
			if err != nil {
				t.Fatal(err)
			}
			return inbox.MessageID(id)
		},
		Answer: func(id inbox.MessageID, by inbox.Address) bool {
			_, err := w.Gmail.Answer(address, string(id), string(by), "An answer.")
			return err == nil
		},
		Draft: func(id inbox.MessageID) bool {
			_, err := w.Gmail.SaveDraft(address, string(id), "A draft.")
			return err == nil
		},
		Mark: func(id inbox.MessageID, m inbox.Marker, on bool) bool { return label(id, string(m), on) },
		Move: func(id inbox.MessageID, to inbox.Place) bool {
			switch to {
			case inbox.Trash:
				return label(id, "TRASH", true)
			case inbox.Inbox:
				out := label(id, "TRASH", false)
				return label(id, "INBOX", true) || out
			}
			out := label(id, "TRASH", false)
			return label(id, "INBOX", false) || out
		},
		Delete: func(id inbox.MessageID) bool { return w.Gmail.Delete(address, string(id)) == nil },
		State: func(id inbox.MessageID) (inbox.State, bool) {
			m, err := w.Gmail.Message(address, string(id))
			return gmailState(m), err == nil
		},
		All: func() (ids []inbox.MessageID) {
			list, err := w.Gmail.Messages(address)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				if !m.Has("DRAFT") {
					ids = append(ids, inbox.MessageID(m.ID))
				}
			}
			return ids
		},
		Disturbances: names, Disturb: arm, Calm: w.GmailDial.Clear,
		Expire: func() {
			if err := w.Gmail.ExpireHistory(address); err != nil {
				t.Fatal(err)
			}
		},
	}
}
