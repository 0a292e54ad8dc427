package memory

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Detail says how much a page tells of a message.
type Detail int

// The details.
const (
	Whole     Detail = iota // state and content
	StateOnly               // the content is to be fetched
	NameOnly                // state and content are to be fetched
)

// Provider is one mailbox and its provider: a pipeline.Provider on one side, the people who work in it on the other.
// Its zero value is an empty mailbox that tells everything at once and never fails. Its fields are dials; they are set
// before the first call, or between calls that are not under way at once.
//
// Every change of a message is a step with a number, which is the message's Stamp. Reading changes costs what has
// changed, not what is there. Fail is asked with the name of the method, and inside Mark once more with "Mark.write"
// before every write: what an error there ends is not reported.
type Provider struct {
	Fail     func(op string) (before, after error)
	OnMisuse func(error) // as in Store

	Address  inbox.Address // the mailbox's own; what it sends comes from there
	PageSize int           // 0 is 100
	Listing  Detail        // of the first listing
	Changed  Detail        // of what has changed since

	// Steps shows every state a message went through, one a page, as a history does; else only the newest.
	Steps bool
	// Repeat is the chance, for each message of a page, that an earlier one is told again beside it; Rand draws it.
	Repeat float64
	Rand   *rand.Rand
	// News tells of a message that came in after the listing that it did, as Gmail's history does.
	News bool
	// NoStamps leaves Stamp 0. Without stamps Steps is off, for nothing would tell an old state from a new one.
	NoStamps bool

	// Guarded gives states revisions and refuses a write whose revision is old where markers of ours have changed, as
	// Graph's If-Match allows. Else a write is merged with what is there, as Gmail does.
	Guarded bool
	// Ours says which markers are Postroom's, for Guarded; nil means those that the write names.
	Ours func(inbox.Marker) bool
	// Threadwise lets a write with WholeThread touch every message of the thread, the ones nobody has told of among them.
	Threadwise bool
	// Refuse, unless nil, gives the reason why a write is refused for good; "" lets it be.
	Refuse func(pipeline.Write) string
	// NewIDOnSend gives a draft a new id when it is sent, as Gmail does; else it keeps its id, as Graph's immutable ids do.
	NewIDOnSend bool

	mu       sync.Mutex
	messages map[inbox.MessageID]*message
	threads  map[inbox.ThreadID][]*message
	byRFCID  map[string]*message
	log      []step
	gone     int // messages deleted
	seq      int64
	epoch    int // how often cursors have been expired
	made     int // ids given out

	calls map[string]int
	marks []Marking
	noops int
}

var _ pipeline.Provider = (*Provider)(nil)

// message is one mail. Its state's Markers are replaced, never changed in place, so steps may share them.
type message struct {
	mail  inbox.Message
	state inbox.State
	born  int64 // seq of its first step
	last  int64 // seq of its newest step
	gone  bool
}

// Marking is one write of markers that had an effect.
type Marking struct {
	Message inbox.MessageID
	Added   []inbox.Marker
	Removed []inbox.Marker
}

// Markings lists every write of markers that had an effect, in order, whether or not its caller came to know of it.
func (p *Provider) Markings() []Marking {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.marks)
}

// IdleMarkings counts writes of markers that asked for what was there already.
func (p *Provider) IdleMarkings() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.noops
}

// Calls counts the calls of one of the port's methods, failed ones among them.
func (p *Provider) Calls(op string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[op]
}

// Expire makes every cursor given out so far unknown.
func (p *Provider) Expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.epoch++
}

// Fetch implements pipeline.Provider. The answers come in no useful order.
func (p *Provider) Fetch(ctx context.Context, ids []inbox.MessageID) (out []inbox.Observation, err error) {
	err = p.call(ctx, "Fetch", func() error {
		asked := make(map[inbox.MessageID]bool, len(ids))
		for i := len(ids) - 1; i >= 0; i-- {
			id := ids[i]
			if asked[id] {
				return misuse("message %s is fetched twice in one call", id)
			}
			asked[id] = true
			m := p.messages[id]
			if m == nil {
				out = append(out, inbox.Observation{ID: id, Gone: true})
				continue
			}
			out = append(out, observe(m, step{state: m.state}, Whole))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (p *Provider) call(ctx context.Context, op string, do func() error) error {
	if err := p.begin(ctx, op); err != nil {
		return err
	}
	before, after := ask(p.Fail, op)
	if before != nil {
		return before
	}
	p.mu.Lock()
	err := do()
	p.mu.Unlock()
	if err != nil {
		return p.blame(err)
	}
	return after
}

func (p *Provider) begin(ctx context.Context, op string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == nil {
		p.calls = map[string]int{}
	}
	p.calls[op]++
	return ctx.Err()
}
