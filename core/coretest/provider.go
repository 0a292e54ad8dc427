package coretest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// The markers of a World. Ours are Postroom's: the adapter under test has been told of them, and whatever it does to
// provide for them (categories, labels) has been done. Theirs is one that people made for themselves.
const (
	One     = inbox.Marker("@One")
	Two     = inbox.Marker("@Two")
	Waiting = inbox.Marker("Waiting")
	Theirs  = inbox.Marker("Lunch")
)

// Ours are the markers that a World's adapter provides for.
func Ours() []inbox.Marker { return []inbox.Marker{One, Two, Waiting} }

// World is one mailbox as the suite of pipeline.Provider sees it: the adapter, and the people and the provider on the
// other side of it. A move that cannot be made ends the test through the T that made the world.
type World struct {
	Provider pipeline.Provider
	Address  inbox.Address // the mailbox's own

	// Receive lets a mail (RFC 5322) arrive in the inbox and gives the id by which the adapter will name it.
	Receive func(raw []byte) inbox.MessageID
	// Answer lets somebody answer a message from their mail client. Member is the address of who does it, or "" where
	// the provider shall not tell. It gives the id of the mail in Sent.
	Answer func(to inbox.MessageID, member inbox.Address) inbox.MessageID
	// Draft lets somebody begin an answer and gives the draft's id.
	Draft func(to inbox.MessageID) inbox.MessageID
	// Mark lets somebody put a marker on a message, or take it off.
	Mark func(id inbox.MessageID, marker inbox.Marker, on bool)
	// Move lets somebody move a message between the inbox and the archive.
	Move func(id inbox.MessageID, place inbox.Place)
	// Delete lets somebody delete a message for good.
	Delete func(id inbox.MessageID)
	// Read is what the provider holds of a message now, read behind the adapter's back; false when it is gone.
	Read func(id inbox.MessageID) (inbox.State, bool)

	// Now is the clock by which the provider dates mail, and Advance lets it go on.
	Now     func() time.Time
	Advance func(time.Duration)

	// ExpireCursor makes every cursor given out so far unknown to the provider.
	ExpireCursor func()
	// Throttle lets the provider refuse the next requests, that many times; 0 ends it.
	Throttle func(times int)
	// LoseNextWrite lets the next write of markers have its effect and then fail, as a broken connection does.
	LoseNextWrite func()

	// Guarded: a write whose revision is old is refused where markers of ours have changed; else writes are merged.
	Guarded bool
}

// Provider runs the suite of pipeline.Provider. setup gives a new and empty mailbox; it is called once a subtest, with
// its T. Where the simulator lets it, pages should hold about ten messages, so that the suite sees several.
func Provider(t *testing.T, setup func(t *testing.T) World) {
	for _, test := range []struct {
		name string
		run  func(w *world)
	}{
		{"an empty mailbox", providerEmpty},
		{"the first listing is complete", providerListing},
		{"new mail is seen whole", providerNewMail},
		{"nothing is lost across pages", providerAcrossPages},
		{"people's moves are seen as state", providerMoves},
		{"a move is no delete", providerMoveIsNoDelete},
		{"the same cursor tells the same truth", providerRepeat},
		{"an expired cursor", providerExpired},
		{"what came since", providerSince},
		{"how much there is", providerTotal},
		{"answers and drafts", providerAnswers},
		{"a reply is in the thread", providerThread},
		{"mail as strangers write it", providerHostile},
		{"fetch what is gone", providerFetchGone},
		{"fetch many", providerFetchMany},
		{"throttled reading", providerThrottledReading},
		{"mark", providerMark},
		{"mark repeatedly", providerMarkAgain},
		{"mark many", providerMarkMany},
		{"mark a whole thread", providerMarkThread},
		{"mark what is gone", providerMarkGone},
		{"our own marks are seen as state", providerEcho},
		{"their marker changed meanwhile", providerTheirsMeanwhile},
		{"our marker changed meanwhile", providerOursMeanwhile},
		{"throttled marking", providerThrottledMarking},
		{"a lost write", providerLostWrite},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(&world{t: t, World: setup(t)}) })
	}
}

// raw is a mail of a customer. More header lines may be given.
func raw(name, subject string, header ...string) []byte {
	lines := append([]string{
		"From: Jordis Customer <jordis@example.net>",
		"To: support@contoso.com",
		"Subject: " + subject,
		"Date: Mon, 02 Mar 2026 09:00:00 +0000",
		"Message-ID: <" + name + "@example.net>",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
	}, header...)
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\nWo bleibt meine Lieferung " + name + "?\r\n")
}

func (w *world) receive(name string) inbox.MessageID {
	w.t.Helper()
	id := w.Receive(raw(name, "Order "+name))
	if id == "" {
		w.t.Fatal("Receive gave no id")
	}
	return id
}

func (w *world) receiveMany(name string, n int) []inbox.MessageID {
	w.t.Helper()
	var ids []inbox.MessageID
	for i := range n {
		ids = append(ids, w.receive(fmt.Sprintf("%s-%03d", name, i)))
	}
	return ids
}
