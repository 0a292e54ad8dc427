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

// Provider is one mailbox at its provider. An adapter never lets more requests fly at once for its mailbox than the
// provider allows. All methods may be repeated: reading changes nothing, and Mark compares before it writes.
// Throttling comes back as *Throttled, never as a sleep.
type Provider interface {
	// Changes reads one page of what has changed since the cursor. From the empty cursor it lists the whole mailbox,
	// so that every message that is there or comes in meanwhile is in some page at least once. A message may be in
	// several pages; a later one holds the later state. It fails with ErrCursorExpired when only a new listing,
	// from the empty cursor, can help.
	Changes(ctx context.Context, cursor inbox.Cursor) (Page, error)

	// Since is a cursor from which Changes lists what has been received since then, in place of the whole mailbox, and
	// reads on from there as ever. It may show older mail as well, in the listing and when that changes; it need not.
	// It asks nobody.
	Since(t time.Time) inbox.Cursor

	// Fetch reads messages whole, with their state now. What the provider does not have comes back with Gone set.
	// A message whose content can never be read comes back with Message.Unreadable set. The order is free.
	Fetch(ctx context.Context, ids []inbox.MessageID) ([]inbox.Observation, error)

	// Mark puts on and takes off markers, each write by itself. It reports every write that has come to an end, even
	// beside an error; what is not reported may or may not have happened and may be tried again.
	Mark(ctx context.Context, writes []Write) ([]Written, error)
}

// Page is a part of a mailbox's changes.
type Page struct {
	Changes []inbox.Observation
	Next    inbox.Cursor // where to read on; to be kept only once the page is committed
	More    bool         // there is another page to be had at once
	// Afresh: this page begins a listing of the inbox from nothing, because the cursor was empty or the provider has lost
	// its place. What has left the inbox before will be in no page.
	Afresh bool
	// Total is how many messages there are in what begins to be listed with this page, as far as the provider says; else 0.
	Total int
}

// Write asks for markers on one message. Add and Remove name markers of ours only; others on the message stay.
type Write struct {
	Message inbox.MessageID
	Thread  inbox.ThreadID // empty where the provider's threads are only hints
	State   inbox.State    // as last known; Revision guards the write where the provider can
	Add     []inbox.Marker
	Remove  []inbox.Marker
	// WholeThread: every message of the thread that Postroom knows is in this call with the same Add and Remove, and
	// none of them was sent by the mailbox, so an effect on the thread as a whole is the same.
	WholeThread bool
}

// Outcome is how a write ended.
type Outcome int

// The outcomes.
const (
	Done    Outcome = iota // the markers are as asked; State is what the message carries now
	Changed                // somebody changed markers of ours meanwhile: nothing written, State is what is there
	Missing                // the message is gone
	Refused                // the provider will never do it; Why says so
)

// Written is the end of one Write.
type Written struct {
	Message inbox.MessageID
	Outcome Outcome
	State   inbox.State
	Why     string
}

// Cursors keeps how far each mailbox has been read. Writes are durable when they return.
type Cursors interface {
	// Mailbox is the zero Progress for a mailbox never seen before.
	Mailbox(ctx context.Context, mailbox inbox.MailboxID) (Progress, error)
	// SaveProgress stores next if what is stored still has the version of next; the stored one then has Version+1.
	// Else it returns ErrConflict and stores nothing.
	SaveProgress(ctx context.Context, mailbox inbox.MailboxID, next Progress) error
}

// Progress is how far a mailbox has been read.
type Progress struct {
	Cursor  inbox.Cursor `json:"cursor,omitempty"`
	CutOver time.Time    `json:"cutOver,omitzero"` // when Postroom first looked; what is older was imported
	// Backlog is what the manifest said at the first look. It stays so: another word later would make work or records of
	// old mail at a moment that nobody has chosen. One without a mode was stored before there was a choice.
	Backlog decide.Backlog `json:"backlog,omitzero"`
	Listed  bool           `json:"listed,omitempty"` // the first listing has been read to its end
	Resyncs int            `json:"resyncs,omitempty"`
	// Midway: more pages follow the cursor. A sync that takes up there reads once more at the end, for what it resumes
	// may have passed places that have changed again since.
	Midway bool `json:"midway,omitempty"`
	// Listing is how far the first listing has got. It is zero before and after.
	Listing Listing `json:"listing,omitzero"`
	// Relisting: the inbox is being listed anew, and what is not listed is still to be asked after.
	Relisting bool `json:"relisting,omitempty"`
	// Synced is when a sync last came to the end of what there was. Where that moved nothing it is kept only every
	// half an hour, so that reading an idle mailbox writes next to nothing.
	Synced  time.Time `json:"synced,omitzero"`
	Version int64     `json:"version"`
}

// Listing is how much of a mailbox has been listed. Of is 0 where the provider does not say how much there is; both are a
// little off while mail comes and goes.
type Listing struct {
	Read int `json:"read,omitempty"` // messages listed and committed so far
	Of   int `json:"of,omitempty"`   // messages there were to list
}

// Ledger keeps what was decided and what is still to be done about it. Writes are durable when they return.
// All methods may run at once for different mailboxes, and for one mailbox beside a person's command.
type Ledger interface {
	// Commit writes units in order, each as a whole or not at all. It returns ErrConflict (wrapped) at the first unit
	// whose conversation is not at Expect any more or one of whose Joined messages is known already; units before
	// it may have been written, that one and those after it have not.
	Commit(ctx context.Context, mailbox inbox.MailboxID, units []Unit) error
	// Pending lists unsettled actions, oldest first, at most limit (0: all).
	Pending(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]Action, error)
	// Settle removes the actions of those keys and stores the states of messages. Unknown keys are no error.
	Settle(ctx context.Context, mailbox inbox.MailboxID, keys []string, seen []inbox.Known) error
}

// MaxJoined is how many messages one unit may bring into its conversation. A store writes a unit as a whole, and what
// DynamoDB writes as a whole has at most 100 items.
const MaxJoined = 80

// Unit is one decision as it is committed: the whole effect on one conversation.
type Unit struct {
	// Conversation as it will be; Expect is the Seq it must have now, 0 for a new one. A unit without events only
	// stores Seen, and its Conversation is ignored.
	Conversation inbox.Conversation
	Expect       int64
	Events       []inbox.Event
	Actions      []Action
	Joined       []inbox.Known // messages that are new, at most MaxJoined; none of them may be known yet
	Seen         []inbox.Known // messages that were known, with their new state
	Shift        assign.Shift
	Handled      map[inbox.Address]assign.Handled
}

// Action is an effect on the outside world that a commit calls for.
type Action struct {
	// Key is derived from what caused the action: the same cause gives the same key. Keys of one conversation sort in
	// the order of their commits.
	Key          string               `json:"key"`
	Conversation inbox.ConversationID `json:"conversation"`
	Kind         ActionKind           `json:"kind"`
	// Markers are our markers that the messages shall carry, all of them and no others of ours.
	Markers []inbox.Marker `json:"markers,omitempty"`
	// Messages limits the action to these; empty means every message of the conversation that carries markers.
	Messages []inbox.MessageID `json:"messages,omitempty"`
}

// ActionKind names an effect.
type ActionKind string

// SetMarkers makes messages carry the conversation's markers.
const SetMarkers ActionKind = "set-markers"

// Archive answers what has been kept. Reads see every write that returned before they began.
// Ids that are not there are left out of the answers; that is no error.
type Archive interface {
	Known(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.MessageID) (map[inbox.MessageID]inbox.Known, error)
	Conversations(ctx context.Context, mailbox inbox.MailboxID, ids []inbox.ConversationID) (map[inbox.ConversationID]inbox.Conversation, error)
	// Threads gives the conversations that began in each of these threads, oldest first.
	Threads(ctx context.Context, mailbox inbox.MailboxID, threads []inbox.ThreadID) (map[inbox.ThreadID][]inbox.ConversationID, error)
	// Messages lists a conversation's messages by id, after the given id, at most limit.
	Messages(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after inbox.MessageID, limit int) ([]inbox.Known, error)
	// Timeline lists a conversation's events after seq, at most limit.
	Timeline(ctx context.Context, mailbox inbox.MailboxID, id inbox.ConversationID, after int64, limit int) ([]inbox.Event, error)
	// Overflowing lists conversations with Overflow set, the longest open first, at most limit.
	Overflowing(ctx context.Context, mailbox inbox.MailboxID, limit int) ([]inbox.ConversationID, error)
	Team(ctx context.Context, mailbox inbox.MailboxID) (assign.Team, error)
	// Handled says who last handled these customers.
	Handled(ctx context.Context, mailbox inbox.MailboxID, customers []inbox.Address) (map[inbox.Address]assign.Handled, error)
	// List pages through all conversations of a mailbox in the order of their ids, after the given id, at most limit.
	List(ctx context.Context, mailbox inbox.MailboxID, after inbox.ConversationID, limit int) ([]inbox.Conversation, error)
}

// Store is all that the spine keeps. One value serves every mailbox; mailboxes never see one another.
type Store interface {
	Cursors
	Ledger
	Archive
}

// Hint says that a mailbox may have changed. It carries nothing else, because the truth is what the provider returns.
type Hint struct {
	Mailbox inbox.MailboxID `json:"mailbox"`
	Source  string          `json:"source"` // graph, gmail, tick, command …, for the log only
	At      time.Time       `json:"at"`
}

// Hints takes hints for later. Enqueue returns once the hint is durable; hints may be delivered more than once and
// coalesced, never lost.
type Hints interface {
	Enqueue(ctx context.Context, h Hint) error
}

// Queue hands out hints, one batch a mailbox at a time, in the order of the first hint of each mailbox.
// All methods may run at once.
type Queue interface {
	Hints
	// Receive takes all hints waiting for one mailbox that no other batch is out for and whose time has come.
	// ok is false when there is none now. A batch that is neither done nor retried is handed out again after the
	// queue's visibility timeout, or when the queue is opened anew.
	Receive(ctx context.Context, now time.Time) (b Batch, ok bool, err error)
	// Done forgets the batch's hints. Hints that came in meanwhile stay.
	Done(ctx context.Context, b Batch) error
	// Retry gives the batch back, not to be handed out before at.
	Retry(ctx context.Context, b Batch, at time.Time) error
}

// Batch is the hints of one mailbox that one sync answers.
type Batch struct {
	Mailbox inbox.MailboxID
	Hints   []Hint
	Tries   int    // how often this batch has been given back
	Receipt string // the queue's own
}

// ErrCursorExpired says that the provider no longer knows the cursor.
var ErrCursorExpired = errors.New("the provider no longer knows the cursor")

// ErrConflict says that what a write relied on has changed meanwhile. Read and decide anew.
var ErrConflict = errors.New("changed meanwhile")

// Throttled says that the provider asks to be left alone for a time.
type Throttled struct {
	After time.Duration // as the provider said, or the adapter's documented default where it did not
	What  string        // what was refused, for the log
}

func (t *Throttled) Error() string {
	return fmt.Sprintf("%s: throttled, to be tried again after %s", t.What, t.After)
}

// Permanent says that trying again cannot help until somebody acts; Fix says how.
type Permanent struct {
	What string
	Fix  string
	Err  error
}

func (p *Permanent) Error() string {
	s := p.What
	if p.Err != nil {
		s += ": " + p.Err.Error()
	}
	if p.Fix != "" {
		s += ": " + p.Fix
	}
	return s
}

// Unwrap gives the cause.
func (p *Permanent) Unwrap() error { return p.Err }

// Watch is a standing order at a provider to tell us of changes: a Graph subscription or a Gmail watch.
type Watch struct {
	ID      string          `json:"id"` // Graph's subscription id; for Gmail the mailbox's address
	Mailbox inbox.MailboxID `json:"mailbox"`
	// Secret is the SHA-256 of what each notification must carry (Graph's clientState); the secret itself is kept nowhere.
	Secret  [32]byte  `json:"secret"`
	Target  string    `json:"target,omitempty"` // whom it tells: the hooks' URL, or for Gmail the topic
	Expires time.Time `json:"expires"`
	Renewed time.Time `json:"renewed"`
}

// Watches keeps watches. Writes are durable when they return; saving the same id again replaces it.
type Watches interface {
	// Watch is false when there is none of that id.
	Watch(ctx context.Context, id string) (Watch, bool, error)
	SaveWatch(ctx context.Context, w Watch) error
	// DropWatch forgets a watch; an unknown id is no error.
	DropWatch(ctx context.Context, id string) error
	WatchesOf(ctx context.Context, mailbox inbox.MailboxID) ([]Watch, error)
}

// Timer is a moment at which a mailbox is to be looked at, whatever else happens.
type Timer struct {
	Mailbox inbox.MailboxID `json:"mailbox"`
	Name    string          `json:"name"` // what it is for; a mailbox has one timer of each name
	Due     time.Time       `json:"due"`  // to the millisecond; finer parts are cut
}

// Timers keeps moments until they come. Writes are durable when they return. One that waits costs nothing, however many
// there are.
type Timers interface {
	// SetTimer keeps t in place of the mailbox's timer of that name, if there is one.
	SetTimer(ctx context.Context, t Timer) error
	// DropTimer forgets a timer that is still due when t says. One that was set anew meanwhile stays, and one that is not
	// there is no error.
	DropTimer(ctx context.Context, t Timer) error
	// Timer is false when the mailbox has none of that name.
	Timer(ctx context.Context, mailbox inbox.MailboxID, name string) (Timer, bool, error)
	// DueTimers lists timers of all mailboxes that are due at now, at most limit, in any order. The list may lag by a
	// moment: show one that has just been dropped, and not yet one that has just been set. So what a timer causes must
	// bear being done twice.
	DueTimers(ctx context.Context, now time.Time, limit int) ([]Timer, error)
}
