package local_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

var histories = flag.Int("killed", 8, "how many histories TestKilled draws")

// TestKilled draws random histories of mail, people and notifications and kills the sync process with SIGKILL around a
// random one of its requests in each step, whatever it is to: the table, the queue, the manifest or a provider. Lambda starts
// another one, and SQS hands the hints out again. In the end every mail must be in one conversation, once, with the right
// markers.
func TestKilled(t *testing.T) {
	t.Parallel()
	kills := 0
	for seed := range *histories {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			h := &history{site: watched(t, twoMailboxes), rnd: rand.New(rand.NewPCG(11, uint64(seed))), mail: map[inbox.MailboxID][]inbox.MessageID{}}
			for range 12 {
				h.step()
			}
			h.calm()
			h.settled(h.mail)
			kills += h.trap.Sprung()
		})
	}
	if kills < 4**histories {
		t.Errorf("only %d kills in %d histories", kills, *histories)
	}
}

// TestKilledAnywhere works one mail at each mailbox, again and again, and kills the process around its first request, its
// second, and so on to the last.
func TestKilledAnywhere(t *testing.T) {
	t.Parallel()
	s := watched(t, twoMailboxes)
	mail := map[inbox.MailboxID][]inbox.MessageID{}
	n := 0
	for _, arm := range []func(int){s.trap.AtRequest, s.trap.AtAnswer} {
		at := 1
		for ; at < 200; at++ {
			for _, id := range []inbox.MailboxID{support, hello} {
				n++
				mail[id] = append(mail[id], s.receive(id, letter(n)))
			}
			s.deliver()
			before := s.trap.Sprung()
			arm(at)
			s.sync.Kill() // so that each one begins with a new process's requests
			s.work(1)
			s.trap.Disarm()
			s.clock.advance(visibility)
			s.deliver()
			s.settle(1)
			for id, list := range mail {
				if m := list[len(list)-1]; !s.marked(id, m) {
					t.Errorf("killed around request %d, a mail of %s is not marked", at, id)
				}
			}
			if s.trap.Sprung() == before {
				break
			}
		}
		if at < 10 || at == 200 {
			t.Errorf("the last request was the %dth", at)
		}
	}
	s.settled(mail)
}

// history is a site with people in it.
type history struct {
	*site
	rnd  *rand.Rand
	mail map[inbox.MailboxID][]inbox.MessageID
	n    int
}

// step lets a few things happen and works the queue once, with a kill somewhere in it.
func (h *history) step() {
	for range 1 + h.rnd.IntN(3) {
		h.happen([]inbox.MailboxID{support, hello}[h.rnd.IntN(2)])
	}
	h.clock.advance(2 * time.Second) // Gmail tells of one change a second at most
	h.deliver()
	// A sync of a new mail at each makes some thirty requests, the start of a process included.
	if at := 1 + h.rnd.IntN(30); h.rnd.IntN(2) == 0 {
		h.trap.AtRequest(at)
	} else {
		h.trap.AtAnswer(at)
	}
	h.work(1)
	h.trap.Disarm()
	if h.rnd.IntN(2) == 0 { // else what was lost stays out for another step
		h.clock.advance(visibility)
	}
}

func (h *history) happen(id inbox.MailboxID) {
	switch list := h.mail[id]; {
	case len(list) == 0 || h.rnd.IntN(2) == 0:
		h.n++
		h.mail[id] = append(list, h.receive(id, letter(h.n)))
	default:
		m := list[h.rnd.IntN(len(list))]
		[]func(inbox.MailboxID, inbox.MessageID){h.answer, h.mark, h.archive}[h.rnd.IntN(3)](id, m)
	}
}

// answer lets the team answer a mail.
func (h *history) answer(id inbox.MailboxID, m inbox.MessageID) {
	var err error
	if h.atGoogle(id) {
		_, err = h.Gmail.Answer(string(id), string(m), "", "An answer.")
	} else {
		_, err = h.Graph.Answer(string(id), string(m), "", "An answer.")
	}
	h.must(err)
}

// mark puts a member's marker on a mail.
func (h *history) mark(id inbox.MailboxID, m inbox.MessageID) {
	name := []string{"@Anna", "@Bo"}[h.rnd.IntN(2)]
	if list, _ := h.markers(id, m); slices.Contains(list, inbox.Marker(name)) {
		return
	}
	if h.atGoogle(id) {
		h.must(h.Gmail.AddLabel(string(id), string(m), name))
		return
	}
	h.must(h.Graph.AddCategory(string(id), string(m), name))
}

func (h *history) archive(id inbox.MailboxID, m inbox.MessageID) {
	if h.atGoogle(id) {
		if got, err := h.Gmail.Message(string(id), string(m)); err == nil && got.Has("INBOX") {
			h.must(h.Gmail.RemoveLabel(string(id), string(m), "INBOX"))
		}
		return
	}
	if got, err := h.Graph.Message(string(id), string(m)); err == nil && got.Folder == "inbox" {
		h.must(h.Graph.Move(string(id), string(m), "archive"))
	}
}

// calm works until all is done, and then once more, because our own writes are changes too.
func (h *history) calm() {
	for range 3 {
		h.clock.advance(visibility)
		h.deliver()
		h.hint(support)
		h.hint(hello)
		h.settle(2)
	}
}
