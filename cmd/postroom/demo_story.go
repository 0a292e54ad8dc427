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
	verbWidth  = 11
	maxWriter  = 24 // columns of who wrote a mail
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

	day       string                     // the story's, as it is headed
	language  map[inbox.MessageID]string // as the arriving mail says
	nameWidth int

	open      map[inbox.MailboxID]*openList
	reopened  int
	escalated int
	answered  int
	automated int
	imported  int
	drained   int
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
func (s *demoStory) room() int { return storyWidth - len("08:00") - s.nameWidth - verbWidth - 3*2 }

// say writes a line, and more lines under it if the parts do not fit in one. Parts are safe to show already.
func (s *demoStory) say(b *demoBox, ink, verb string, parts ...string) {
	const between, indent = " · ", "  "
	var lines []string
	for _, p := range parts {
		n := len(lines)
		if p = fit(p, s.room()); n > 0 {
			p = fit(p, s.room()-len(indent))
		}
		switch {
		case p == "":
		case n == 0:
			lines = append(lines, p)
		case cells(lines[n-1])+cells(between)+cells(p) <= s.room():
			lines[n-1] += between + p
		default:
			lines = append(lines, indent+p)
		}
	}
	now := s.world.clock.Now().In(s.zone)
	if day := now.Format("Monday 2 January 2006"); day != s.day {
		s.day = day
		fmt.Fprintf(s.out, "\n%s\n", s.ink(boldInk, day))
	}
	for _, line := range lines {
		fmt.Fprintf(s.out, "%s  %s  %s\n", s.ink(faintInk, now.Format("15:04")+"  "+pad(cut(b.short, s.nameWidth), s.nameWidth)),
			s.ink(ink, pad(cut(verb, verbWidth), verbWidth)), line)
		verb = ""
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
		s.say(b, faintInk, "first sync", fmt.Sprintf("%d older mails are taken in; they call for no work and no answer", imported))
	}
}

// conversation tells what became true of one conversation.
func (s *demoStory) conversation(b *demoBox, u pipeline.Unit) {
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
			s.received(b, u, i)
		case inbox.EventTagged, inbox.EventPrioritised:
			j := i + 1 // one line for all that one rule did
			for j < len(u.Events) && (u.Events[j].Kind == inbox.EventTagged || u.Events[j].Kind == inbox.EventPrioritised) && slices.Equal(u.Events[j].Why, e.Why) {
				j++
			}
			s.tagged(b, u.Events[i:j])
			i = j - 1
		case inbox.EventUntagged:
			s.say(b, blueInk, "untagged", append([]string{e.Tag}, s.safe(why(e))...)...)
		case inbox.EventAssigned:
			s.assigned(b, u.Conversation, e, why(e))
		case inbox.EventEscalated:
			s.escalated++
			s.say(b, redInk, "escalated", append([]string{"→ " + s.who(b, e.Member) + " (lead)"}, s.safe(s.nameless(b, e.Member, why(e)))...)...)
		case inbox.EventReleased:
			s.say(b, yellowInk, "released", append([]string{s.who(b, e.From) + " lets go"}, s.safe(why(e))...)...)
		case inbox.EventAnswered:
			s.answered++
			if next.Kind != inbox.EventWaiting && next.Kind != inbox.EventAssigned {
				s.say(b, greenInk, "answered", s.safe(e.Why)...)
			}
		case inbox.EventWaiting:
			parts := []string{"the customer's turn"}
			if i > 0 && u.Events[i-1].Kind == inbox.EventAnswered {
				parts = append(parts, s.safe(u.Events[i-1].Why)...)
			} else if len(e.Why) > 0 && (i == 0 || u.Events[i-1].Kind != inbox.EventAssigned) {
				parts = append(parts, s.safe(e.Why)...)
			}
			s.say(b, greenInk, "waiting", parts...)
		case inbox.EventClosed:
			s.say(b, faintInk, "closed", s.safe(e.Why)...)
		case inbox.EventReopened:
			s.reopened++
			parts := s.safe(why(e))
			if next.Kind != inbox.EventAssigned && next.Kind != inbox.EventEscalated && u.Conversation.Owner != "" {
				parts = append(parts, "back to "+s.who(b, u.Conversation.Owner))
			}
			s.say(b, yellowInk, "reopened", parts...)
		case inbox.EventRefused:
			s.say(b, redInk, "refused", s.safe(e.Why)...)
		}
		if e.Kind != inbox.EventReceived {
			said = e.Why
		}
	}
}

// received tells of a mail that joined its conversation, event i of the unit.
func (s *demoStory) received(b *demoBox, u pipeline.Unit, i int) {
	e := u.Events[i]
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
	s.say(b, ink, verb, mailLine(e.Mail.From, e.Mail.Subject, s.room()-cells(suffix))+suffix)
	last := i == len(u.Events)-1
	switch {
	case i == 0 && u.Expect == 0:
		s.keptApart(b, u)
	case !last && u.Events[i+1].Kind != inbox.EventReceived: // something followed from it
	case e.Mail.Automated != "":
		s.say(b, faintInk, "as before", s.state(b, u.Conversation), "automated mail changes nothing", isolated(neutral(e.Mail.Automated)))
	case last:
		s.say(b, faintInk, "as before", s.state(b, u.Conversation), "it joins its conversation")
	}
}

// state says how a conversation stands.
func (s *demoStory) state(b *demoBox, c inbox.Conversation) string {
	if c.Owner == "" {
		return string(c.Status)
	}
	return string(c.Status) + ", with " + s.who(b, c.Owner)
}

// keptApart says so when a new conversation begins in a thread of the provider's that has others already.
func (s *demoStory) keptApart(b *demoBox, u pipeline.Unit) {
	thread := u.Conversation.Thread
	others, err := s.world.store.Threads(context.Background(), b.id, []inbox.ThreadID{thread})
	if err != nil || len(others[thread]) < 2 {
		return
	}
	s.say(b, cyanInk, "kept apart", "Outlook joins equal subjects; strangers stay two conversations here")
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
	s.say(b, blueInk, "tagged", append([]string{strings.Join(what, ", ")}, s.safe(events[0].Why)...)...)
}

func (s *demoStory) assigned(b *demoBox, c inbox.Conversation, e inbox.Event, why []string) {
	verb, ink, to := "assigned", greenInk, "→ "+s.who(b, e.Member)
	switch {
	case len(e.Why) > 0 && e.Why[0] == "there is room again":
		s.drained++
		verb, to = "room again", s.who(b, e.From)+" "+to+" · "
		to += aboutMail(c, s.room()-cells(to))
		why = why[1:]
	case e.By != inbox.ByPostroom && e.From != "":
		verb, to = "handed over", s.who(b, e.From)+" "+to
	}
	s.say(b, ink, verb, append([]string{to}, s.safe(s.nameless(b, e.Member, why))...)...)
}

// nameless takes the member's name out of the reasons of a line that begins with it.
func (s *demoStory) nameless(b *demoBox, id inbox.MemberID, why []string) []string {
	m, ok := b.member(id)
	if !ok {
		return why
	}
	short := strings.NewReplacer(": it is the turn of "+m.Name, "", m.Name+" has ", "", m.Name+" had it before", "had it before",
		"escalated to "+m.Name+" until", "until")
	out := make([]string, len(why))
	for i, w := range why {
		out[i] = short.Replace(w)
	}
	return out
}

// who is what a member is called: the first name.
func (s *demoStory) who(b *demoBox, id inbox.MemberID) string {
	if m, ok := b.member(id); ok {
		return firstName(m.Name)
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
func (s *demoStory) safe(why []string) []string {
	room := s.room() - len("  ")
	out := make([]string, len(why))
	for i, w := range why {
		out[i] = isolated(cut(neutral(w), room))
	}
	return out
}

// aboutMail names a conversation in at most n columns.
func aboutMail(c inbox.Conversation, n int) string { return mailLine(c.Customer, c.Subject, n) }

func mailLine(writer inbox.Person, subject string, n int) string {
	from := shown(writer.String(), maxWriter)
	if from == "" {
		from = "(no sender)"
	}
	if subject = shown(subject, max(1, n-cells(from)-len(": "))); subject == "" {
		subject = "(no subject)"
	}
	return from + ": " + subject
}

func firstName(name string) string {
	name, _, _ = strings.Cut(neutral(name), " ")
	return name
}
