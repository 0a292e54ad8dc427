package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// The story's columns: time, mailbox, what happens, and the rest of a line of storyWidth.
const (
	storyWidth = 100
	verbWidth  = 10
)

// The colours of a terminal (ECMA-48 SGR).
const (
	plainInk  = ""
	boldInk   = "1"
	faintInk  = "2"
	redInk    = "31"
	greenInk  = "32"
	yellowInk = "33"
	blueInk   = "34"
	cyanInk   = "36"
)

// demoStory writes down what happens, as a person would want to see it, and counts it.
type demoStory struct {
	out    io.Writer
	colour bool
	zone   *time.Location
	world  *demoWorld

	language  map[inbox.MessageID]string // as the arriving mail says
	nameWidth int

	open       map[inbox.MailboxID]*openList
	reopened   int
	escalated  int
	answered   int
	automated  int
	imported   int
	keptApart  int
	drained    int
	handedOver int
}

func newDemoStory(out io.Writer, colour bool, w *demoWorld) *demoStory {
	s := &demoStory{out: out, colour: colour, zone: w.manifest.Location, world: w,
		language: map[inbox.MessageID]string{}, open: map[inbox.MailboxID]*openList{}}
	for _, b := range w.boxes {
		s.nameWidth = min(max(s.nameWidth, cells(b.short)), 16)
		s.open[b.id] = &openList{}
	}
	w.store.told = s.told
	return s
}

func (s *demoStory) ink(code, text string) string {
	if !s.colour || code == plainInk || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// room is how many columns the text of a line has.
func (s *demoStory) room() int { return storyWidth - len("Mon 08:00") - s.nameWidth - verbWidth - 3*2 }

// say writes a line, and more lines under it if the parts do not fit in one. Parts are safe to show already.
func (s *demoStory) say(b *demoBox, ink, verb string, parts ...string) {
	const between = " · "
	room := s.room()
	var lines []string
	for _, p := range parts {
		if p = cut(p, room); p == "" {
			continue
		}
		if n := len(lines); n > 0 && cells(lines[n-1])+cells(between)+cells(p) <= room {
			lines[n-1] += between + p
			continue
		}
		lines = append(lines, p)
		room = s.room() - 2
	}
	for i, line := range lines {
		if i > 0 {
			verb, line = "", "  "+line
		}
		fmt.Fprintf(s.out, "%s  %s  %s\n", s.ink(faintInk, s.world.clock.Now().In(s.zone).Format("Mon 15:04")+"  "+pad(b.short, s.nameWidth)),
			s.ink(ink, pad(cut(verb, verbWidth), verbWidth)), line)
	}
}

// told follows one commit.
func (s *demoStory) told(mailbox inbox.MailboxID, units []pipeline.Unit) {
	b := s.world.box(mailbox)
	imported := 0
	for _, u := range units {
		if len(u.Events) == 0 {
			continue
		}
		if u.Conversation.Imported {
			imported += len(u.Joined)
			continue
		}
		s.open[mailbox].follow(u.Conversation)
		s.conversation(b, u)
	}
	if s.imported += imported; imported > 0 {
		s.say(b, faintInk, "first sync", fmt.Sprintf("%d older mails are taken in as history: nobody is assigned, answered or alarmed", imported))
	}
}

// conversation tells what became true of one conversation.
func (s *demoStory) conversation(b *demoBox, u pipeline.Unit) {
	if u.Expect == 0 {
		s.arrivedApart(b, u)
	}
	var said []string // reasons that the line before has given
	for i := 0; i < len(u.Events); i++ {
		e := u.Events[i]
		var next inbox.Event
		if i+1 < len(u.Events) {
			next = u.Events[i+1]
		}
		why := func(e inbox.Event) []string { return unsaid(e.Why, said) }
		switch e.Kind {
		case inbox.EventReceived:
			s.received(b, u, e, i == len(u.Events)-1)
		case inbox.EventTagged, inbox.EventPrioritised:
			j := i + 1 // one line for all that one rule did
			for j < len(u.Events) && (u.Events[j].Kind == inbox.EventTagged || u.Events[j].Kind == inbox.EventPrioritised) && slices.Equal(u.Events[j].Why, e.Why) {
				j++
			}
			s.tagged(b, u.Events[i:j])
			i = j - 1
		case inbox.EventUntagged:
			s.say(b, blueInk, "untagged", append([]string{e.Tag}, safe(why(e))...)...)
		case inbox.EventAssigned:
			s.assigned(b, u.Conversation, e, why(e))
		case inbox.EventEscalated:
			s.escalated++
			s.say(b, redInk, "escalated", append([]string{"→ " + s.who(b, e.Member)}, safe(why(e))...)...)
		case inbox.EventReleased:
			s.say(b, yellowInk, "released", append([]string{s.who(b, e.From) + " lets go"}, safe(why(e))...)...)
		case inbox.EventAnswered:
			s.answered++
			if next.Kind != inbox.EventWaiting && next.Kind != inbox.EventAssigned {
				s.say(b, greenInk, "answered", safe(e.Why)...)
			}
		case inbox.EventWaiting:
			parts := []string{"the customer's turn"}
			if i > 0 && u.Events[i-1].Kind == inbox.EventAnswered {
				parts = append(parts, safe(u.Events[i-1].Why)...)
			} else if len(e.Why) > 0 && (i == 0 || u.Events[i-1].Kind != inbox.EventAssigned) {
				parts = append(parts, safe(e.Why)...)
			}
			s.say(b, greenInk, "waiting", parts...)
		case inbox.EventClosed:
			s.say(b, faintInk, "closed", safe(e.Why)...)
		case inbox.EventReopened:
			s.reopened++
			parts := safe(why(e))
			if next.Kind != inbox.EventAssigned && next.Kind != inbox.EventEscalated && u.Conversation.Owner != "" {
				parts = append(parts, "back to "+s.who(b, u.Conversation.Owner))
			}
			s.say(b, yellowInk, "reopened", parts...)
		case inbox.EventRefused:
			s.say(b, redInk, "refused", safe(e.Why)...)
		}
		if e.Kind != inbox.EventReceived {
			said = e.Why
		}
	}
}

// received is a mail that joined its conversation; last says that nothing followed from it.
func (s *demoStory) received(b *demoBox, u pipeline.Unit, e inbox.Event, last bool) {
	verb, ink := "mail", boldInk
	if e.Mail.Automated != "" {
		s.automated++
		verb, ink = "automatic", faintInk
	}
	suffix := ""
	if l := s.language[e.Message]; l != "" {
		suffix = " (" + shown(l, 12) + ")"
		delete(s.language, e.Message)
	}
	from := shown(e.Mail.From.String(), 24)
	if from == "" {
		from = "(no sender)"
	}
	room := s.room() - cells(from) - len(": ") - cells(suffix)
	subject := shown(e.Mail.Subject, room)
	if subject == "" {
		subject = "(no subject)"
	}
	s.say(b, ink, verb, from+": "+subject+suffix)
	if !last || u.Expect == 0 {
		return
	}
	c := u.Conversation
	state := string(c.Status)
	if c.Owner != "" {
		state += ", with " + s.who(b, c.Owner)
	}
	why := "it joins its conversation"
	if e.Mail.Automated != "" {
		why = "automated mail reopens nothing: " + neutral(e.Mail.Automated)
	}
	s.say(b, faintInk, "as before", state, why)
}

// arrivedApart says so when a provider's thread was split.
func (s *demoStory) arrivedApart(b *demoBox, u pipeline.Unit) {
	thread := u.Conversation.Thread
	others, err := s.world.store.Threads(context.Background(), b.id, []inbox.ThreadID{thread})
	if err != nil || len(others[thread]) < 2 || u.Events[0].Kind != inbox.EventReceived {
		return
	}
	s.keptApart++
	defer s.say(b, cyanInk, "kept apart", "same subject as another stranger's mail, and one thread in Outlook; two conversations here")
}

func (s *demoStory) tagged(b *demoBox, events []inbox.Event) {
	var what []string
	for _, e := range events {
		if e.Tag != "" {
			what = append(what, neutral(e.Tag))
		} else {
			what = append(what, string(e.Priority)+" priority")
		}
	}
	s.say(b, blueInk, "tagged", append([]string{strings.Join(what, ", ")}, safe(events[0].Why)...)...)
}

func (s *demoStory) assigned(b *demoBox, c inbox.Conversation, e inbox.Event, why []string) {
	verb, ink, to := "assigned", greenInk, "→ "+s.who(b, e.Member)
	switch {
	case len(e.Why) > 0 && e.Why[0] == "there is room again":
		s.drained++
		verb = "room again"
		to = s.who(b, e.From) + " " + to
		defer s.say(b, faintInk, "", "it is "+aboutMail(c, s.room()-6))
	case e.By != inbox.ByPostroom && e.From != "":
		s.handedOver++
		verb, to = "handed over", s.who(b, e.From)+" "+to
	}
	s.say(b, ink, verb, append([]string{to}, safe(why)...)...)
}

// who is a member's name.
func (s *demoStory) who(b *demoBox, id inbox.MemberID) string {
	if m, ok := b.member(id); ok {
		return neutral(m.Name)
	}
	if id == "" {
		return "nobody"
	}
	return neutral(string(id))
}

// unsaid leaves out the reasons at the beginning of why that the line before has given.
func unsaid(why, said []string) []string {
	n := 0
	for n < len(why) && n < len(said) && why[n] == said[n] {
		n++
	}
	return why[n:]
}

// safe makes reasons ready to be shown: they may quote the mail.
func safe(why []string) []string {
	out := make([]string, len(why))
	for i, w := range why {
		out[i] = isolated(cut(neutral(w), storyWidth/2))
	}
	return out
}

// aboutMail names a conversation in at most n columns.
func aboutMail(c inbox.Conversation, n int) string {
	from := shown(c.Customer.String(), 24)
	subject := shown(c.Subject, max(10, n-cells(from)-2))
	if subject == "" {
		subject = "(no subject)"
	}
	return from + ": " + subject
}
