package coretest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

func providerEmpty(w *world) {
	w.read()
	if len(w.seen) != 0 {
		w.t.Errorf("an empty mailbox shows %d messages", len(w.seen))
	}
	id := w.receive("a")
	w.read()
	w.holds("the first mail", w.state(id), inbox.Inbox)
}

func providerListing(w *world) {
	ids := w.receiveMany("old", 24)
	w.Move(ids[3], inbox.Archive)
	w.Mark(ids[4], Theirs, true)
	w.Mark(ids[4], One, true)
	sent := w.Answer(ids[5], "")
	w.Delete(ids[6])
	w.read()
	for i, id := range ids {
		switch i {
		case 3:
			w.holds("an archived mail", w.state(id), inbox.Archive)
		case 4:
			w.holds("a marked mail", w.state(id), inbox.Inbox, One, Theirs)
		case 6:
			if o, there := w.seen[id]; there && !o.Gone {
				w.t.Error("a deleted mail is listed")
			}
			continue
		default:
			w.holds("a mail", w.state(id), inbox.Inbox)
		}
		w.whole(id, fmt.Sprintf("old-%03d", i))
	}
	w.holds("an answer", w.state(sent), inbox.Sent)
	if len(w.seen) > len(ids)+1 {
		w.t.Errorf("%d messages are shown, want %d at most", len(w.seen), len(ids)+1)
	}
}

// whole checks the content of a mail made by raw.
func (w *world) whole(id inbox.MessageID, name string) {
	w.t.Helper()
	o := w.seen[id]
	m := o.Message
	if m == nil {
		w.t.Fatalf("message %s has no content", id)
	}
	if m.Subject != "Order "+name || m.From.Address != "jordis@example.net" || m.From.Name != "Jordis Customer" {
		w.t.Errorf("message %s: subject %q from %v", id, m.Subject, m.From)
	}
	if m.RFCID != "<"+name+"@example.net>" {
		w.t.Errorf("message %s: Message-ID %q", id, m.RFCID)
	}
	if !slices.ContainsFunc(m.To, func(p inbox.Person) bool { return p.Address == "support@contoso.com" }) {
		w.t.Errorf("message %s: to %v", id, m.To)
	}
	if m.Direction != inbox.In || m.At.IsZero() || m.Unreadable != "" {
		w.t.Errorf("message %s: direction %s at %v, unreadable %q", id, m.Direction, m.At, m.Unreadable)
	}
	if o.Thread == "" || m.Thread != o.Thread {
		w.t.Errorf("message %s: thread %q, content says %q", id, o.Thread, m.Thread)
	}
}

func providerNewMail(w *world) {
	old := w.receiveMany("old", 3)
	w.read()
	id := w.receive("new")
	w.read()
	if !w.told[id] {
		w.t.Fatal("a new mail is not told")
	}
	w.holds("the new mail", w.state(id), inbox.Inbox)
	w.whole(id, "new")
	w.read()
	for _, id := range append(old, id) {
		w.state(id) // still there whatever is told again
	}
}

func providerAcrossPages(w *world) {
	ids := w.receiveMany("old", 25)
	for n := 0; w.page(); n++ { // mail comes in and moves while the listing is read
		if n < 5 {
			ids = append(ids, w.receive(fmt.Sprintf("during-%d", n)))
			w.Mark(ids[n*5], Theirs, true)
		}
		if n == 1000 {
			w.t.Fatal("there is no end of pages")
		}
	}
	ids = append(ids, w.receive("after"))
	w.readOn()
	ids = append(ids, w.receiveMany("later", 25)...)
	w.readOn()
	for _, id := range ids {
		if !w.told[id] {
			w.t.Errorf("message %s is lost", id)
			continue
		}
		if s, there := w.Read(id); there {
			w.holds("message "+string(id), w.state(id), s.Place, s.Markers...)
		}
	}
}

func providerMoves(w *world) {
	id, other := w.receive("a"), w.receive("b")
	w.read()
	w.Mark(id, One, true)
	w.Mark(id, Theirs, true)
	w.read()
	w.holds("after two markers", w.state(id), inbox.Inbox, One, Theirs)
	w.Mark(id, One, false)
	w.read()
	w.holds("after one was taken off", w.state(id), inbox.Inbox, Theirs)
	w.Move(id, inbox.Archive)
	w.Mark(id, Two, true)
	w.read()
	w.holds("after a move", w.state(id), inbox.Archive, Two, Theirs)
	w.Mark(id, Two, false)
	w.Mark(id, Theirs, false)
	w.read()
	w.holds("after all were taken off", w.state(id), inbox.Archive)
	w.Delete(id)
	w.read()
	if !w.told[id] || !w.seen[id].Gone {
		w.t.Errorf("a deleted message is told as %+v", w.seen[id])
	}
	w.holds("the other mail", w.state(other), inbox.Inbox)
}

func providerMoveIsNoDelete(w *world) {
	ids := w.receiveMany("a", 12)
	w.read()
	for _, id := range ids {
		w.Move(id, inbox.Archive)
	}
	w.read()
	for _, id := range ids {
		w.holds("archived", w.state(id), inbox.Archive)
	}
	w.Move(ids[0], inbox.Inbox)
	w.read()
	w.holds("moved back", w.state(ids[0]), inbox.Inbox)
	w.Move(ids[0], inbox.Archive)
	w.Move(ids[0], inbox.Inbox)
	w.Move(ids[1], inbox.Inbox)
	w.Move(ids[1], inbox.Archive)
	w.read()
	w.holds("there and back", w.state(ids[0]), inbox.Inbox)
	w.holds("back and there", w.state(ids[1]), inbox.Archive)
	w.whole(ids[0], "a-000")
}

func providerRepeat(w *world) {
	ids := w.receiveMany("a", 15)
	w.read()
	start := w.cursor
	w.Mark(ids[0], One, true)
	w.Move(ids[1], inbox.Archive)
	w.Delete(ids[2])
	more := w.receiveMany("b", 15)
	truth := func() string {
		w.read()
		out := map[inbox.MessageID]any{}
		for _, id := range append(slices.Clone(ids), more...) {
			o := w.seen[id]
			if o.Gone {
				out[id] = "gone"
				continue
			}
			out[id] = []any{o.State.Place, o.State.Markers, o.Message.Subject}
		}
		for _, id := range append(slices.Clone(ids[:3]), more...) {
			if !w.told[id] {
				w.t.Errorf("message %s is not told", id)
			}
		}
		return encode(w.t, out)
	}
	first := truth()
	for range 2 {
		w.cursor = start
		if again := truth(); again != first {
			w.t.Errorf("read again:\n got %s\nwant %s", again, first)
		}
	}
}

func providerExpired(w *world) {
	ids := w.receiveMany("a", 12)
	w.read()
	w.Mark(ids[0], One, true)
	w.Delete(ids[1])
	ids = append(ids, w.receive("meanwhile"))
	w.ExpireCursor()
	page, err := w.Provider.Changes(context.Background(), w.cursor)
	w.told = map[inbox.MessageID]bool{}
	switch {
	case errors.Is(err, pipeline.ErrCursorExpired):
		w.cursor = ""
		w.read()
	case err != nil:
		w.t.Fatalf("an expired cursor: got %v, want ErrCursorExpired", err)
	default: // the adapter has begun a new listing by itself
		w.take(page)
		if page.More {
			w.readOn()
		}
	}
	for i, id := range ids {
		if i == 1 {
			continue // a listing does not tell of what is not there
		}
		if !w.told[id] {
			w.t.Errorf("message %s is not in the new listing", id)
		}
	}
	w.holds("what was marked meanwhile", w.state(ids[0]), inbox.Inbox, One)
	last := w.receive("last")
	w.read()
	w.holds("mail after the new listing", w.state(last), inbox.Inbox)
}

// providerSince: a listing of what came since a time has all of that, and the changes that follow it are as ever. Older mail
// may be shown and need not be.
func providerSince(w *world) {
	w.receiveMany("old", 12)
	w.Advance(time.Minute)
	since := w.Now()
	w.Advance(time.Second)
	ids := w.receiveMany("new", 14)
	w.Move(ids[2], inbox.Archive)
	w.cursor = w.Provider.Since(since)
	w.read()
	for i, id := range ids {
		place := inbox.Inbox
		if i == 2 {
			place = inbox.Archive
		}
		w.holds("a mail since then", w.state(id), place)
		w.whole(id, fmt.Sprintf("new-%03d", i))
	}
	listed := w.cursor
	w.Mark(ids[0], One, true)
	w.Move(ids[1], inbox.Archive)
	late := w.receive("late")
	w.read()
	w.holds("a mail that was marked", w.state(ids[0]), inbox.Inbox, One)
	w.holds("a mail that was moved", w.state(ids[1]), inbox.Archive)
	w.holds("a mail that came afterwards", w.state(late), inbox.Inbox)
	w.cursor = listed
	w.seen = map[inbox.MessageID]inbox.Observation{}
	w.read()
	w.holds("a mail that came afterwards, read again", w.state(late), inbox.Inbox)
}

// providerTotal: what a listing says of how much there is, is so; saying nothing is allowed.
func providerTotal(w *world) {
	w.receiveMany("old", 24)
	total, pages := 0, 0
	for more := true; more; pages++ {
		page, err := w.Provider.Changes(context.Background(), w.cursor)
		if err != nil {
			w.t.Fatal(err)
		}
		total += page.Total
		w.cursor, more = page.Next, page.More
	}
	if total != 0 && total != 24 {
		w.t.Errorf("%d messages are to be listed, there are 24", total)
	}
	page, err := w.Provider.Changes(context.Background(), w.cursor)
	if err != nil || page.Total != 0 {
		w.t.Errorf("after %d pages another begins to list %d messages: %v", pages, page.Total, err)
	}
}

func providerAnswers(w *world) {
	id := w.receive("a")
	w.read()
	sent := w.Answer(id, "one@contoso.com")
	draft := w.Draft(id)
	w.read()
	for _, test := range []struct {
		id        inbox.MessageID
		direction inbox.Direction
		place     inbox.Place
	}{{id, inbox.In, inbox.Inbox}, {sent, inbox.Out, inbox.Sent}, {draft, inbox.Draft, inbox.Drafts}} {
		o := w.seen[test.id]
		if o.Message == nil {
			w.t.Fatalf("message %s (%s) has not been seen", test.id, test.direction)
		}
		if o.Message.Direction != test.direction {
			w.t.Errorf("direction %s, want %s", o.Message.Direction, test.direction)
		}
		w.holds(string(test.direction), w.state(test.id), test.place)
		if o.Thread != w.seen[id].Thread {
			w.t.Errorf("%s: thread %q, the mail it answers is in %q", test.direction, o.Thread, w.seen[id].Thread)
		}
	}
	m := w.seen[sent].Message
	if m.From.Address != w.Address {
		w.t.Errorf("the answer is from %q, want the mailbox's own %q", m.From.Address, w.Address)
	}
	if s := m.Sender.Address; s != "" && s != w.Address && s != "one@contoso.com" {
		w.t.Errorf("the answer was sent by %q", s)
	}
	if !slices.ContainsFunc(m.To, func(p inbox.Person) bool { return p.Address == "jordis@example.net" }) {
		w.t.Errorf("the answer is to %v", m.To)
	}
}

func providerThread(w *world) {
	id := w.receive("a")
	other := w.Receive(raw("b", "Something else"))
	w.read()
	reply := w.Receive(raw("c", "Re: Order a", "In-Reply-To: <a@example.net>", "References: <a@example.net>"))
	w.read()
	if w.seen[reply].Thread != w.seen[id].Thread {
		w.t.Errorf("a reply is in thread %q, what it replies to in %q", w.seen[reply].Thread, w.seen[id].Thread)
	}
	if w.seen[other].Thread == w.seen[id].Thread {
		w.t.Error("two mails about different things are in one thread")
	}
	m := w.seen[reply].Message
	if m.InReplyTo != "<a@example.net>" && !slices.Contains(m.References, "<a@example.net>") {
		w.t.Errorf("the reply refers to %q and %q", m.InReplyTo, m.References)
	}
}

func providerHostile(w *world) {
	var ids []inbox.MessageID
	for _, mail := range []string{
		"\r\n",
		"Subject: no sender\r\n\r\nx",
		"From: \"\" <>\r\nSubject:\r\n\r\n",
		"From: =?utf-8?Q?=FF=FE?= <A@EXAMPLE.NET>\r\nSubject: =?x-unknown?B?////?=\r\nTo: undisclosed-recipients:;\r\n\r\n\x00\xff",
		"From: a@example.net\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nno end",
		"From: a@example.net\r\nDate: never\r\nMessage-ID: not an id\r\nReferences: <a> <<b>> c\r\n\r\nx",
	} {
		ids = append(ids, w.Receive([]byte(mail)))
	}
	good := w.receive("good")
	w.read()
	w.whole(good, "good")
	for i, id := range ids {
		o := w.seen[id]
		if o.Message == nil || o.State == nil {
			w.t.Errorf("mail %d is lost: %+v", i, o)
			continue
		}
		if o.State.Place != inbox.Inbox || o.Message.Direction != inbox.In {
			w.t.Errorf("mail %d: %s in %s", i, o.Message.Direction, o.State.Place)
		}
	}
}

func providerFetchGone(w *world) {
	ids := w.receiveMany("a", 3)
	w.read()
	w.Delete(ids[1])
	got := w.fetch(ids...)
	for i, id := range ids {
		if got[id].Gone != (i == 1) {
			w.t.Errorf("message %d: gone %v", i, got[id].Gone)
		}
	}
	w.holds("what is there", *got[ids[0]].State, inbox.Inbox)
}

func providerFetchMany(w *world) {
	ids := w.receiveMany("a", 45) // more than one batch of either provider
	w.Mark(ids[44], One, true)
	got := w.fetch(ids...)
	for i, id := range ids {
		if o := got[id]; o.Gone || o.Message.Subject != fmt.Sprintf("Order a-%03d", i) {
			w.t.Errorf("message %d: %+v", i, o)
		}
	}
	w.holds("the last", *got[ids[44]].State, inbox.Inbox, One)
}

// throttled holds that err is a request to be left alone for a time.
func (w *world) throttled(err error) {
	w.t.Helper()
	var throttled *pipeline.Throttled
	if !errors.As(err, &throttled) {
		w.t.Fatalf("got %v, want *pipeline.Throttled", err)
	}
	if throttled.After <= 0 {
		w.t.Errorf("throttled for %v", throttled.After)
	}
}

const longThrottle = 1000 // requests: more than any adapter would make in one call

func providerThrottledReading(w *world) {
	old := w.receiveMany("old", 12)
	for range 2 { // the first listing, then changes
		w.Throttle(longThrottle)
		_, err := w.Provider.Changes(context.Background(), w.cursor)
		w.throttled(err)
		_, err = w.Provider.Fetch(context.Background(), old)
		w.throttled(err)
		w.Throttle(0)
		id := w.receive(fmt.Sprintf("new-%d", len(w.seen)))
		w.read()
		for _, id := range append(old, id) {
			w.holds("after throttling", w.state(id), inbox.Inbox)
		}
	}
	// One refusal in between is passed on or overcome; either way nothing is lost.
	ids := w.receiveMany("more", 12)
	w.Throttle(1)
	page, err := w.Provider.Changes(context.Background(), w.cursor)
	w.Throttle(0)
	if err != nil {
		w.throttled(err)
	} else {
		w.take(page)
	}
	w.readOn()
	for _, id := range ids {
		w.holds("after one refusal", w.state(id), inbox.Inbox)
	}
}
