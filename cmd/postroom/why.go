package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
)

type whyCommand struct {
	Conversation string `arg:"" help:"The id of a conversation, the beginning of one, or the provider's id of a message; or the address of a mailbox, for what was provisioned there."`
	Config       string `default:"postroom.yaml" help:"The manifest."`
	Data         string `default:"postroom-data" help:"The directory that serve keeps its state in."`
	JSON         bool   `name:"json" help:"Print one JSON object instead."`
}

// Help is shown below the flags.
func (c *whyCommand) Help() string {
	return `It may be asked while "postroom serve" runs, and when it does not. Nothing is reached over the network.

Examples:
  postroom why 4k9x2m7pq1rs
  postroom why 4k9 --data /var/lib/postroom
  postroom why 4k9 --json
  postroom why support@contoso.com     who gave whom access, and when
  postroom why tenant                  the same of what concerns no single mailbox`
}

// clockLayout shows a time in the organisation's zone. The zone is named each time, for it changes twice a year.
const clockLayout = "2006-01-02 15:04:05 MST"

// maxShown bounds what is shown of one text that a stranger wrote, in runes.
const maxShown = 200

// Run asks and prints.
func (c *whyCommand) Run(a *app) error {
	m, err := readGoodManifest(c.Config)
	if err != nil {
		return err
	}
	// No id has an @, and one in a thousand million begins with the word.
	if strings.Contains(c.Conversation, "@") {
		return c.changes(a, m, inbox.MailboxID(strings.ToLower(strings.TrimSpace(c.Conversation))))
	}
	if c.Conversation == tenantWord {
		return c.changes(a, m, "")
	}
	asked, closer, err := openAnswers(a.ctx, c.Data, mailboxIDs(m))
	if err != nil {
		return err
	}
	defer closer.Close()
	conversation, err := asked.conversation(a.ctx, c.Conversation)
	if err != nil {
		return err
	}
	if c.JSON {
		return printCase(a.ctx, a.stdout, asked, conversation)
	}
	t := &teller{out: a.stdout, location: m.Location, names: map[inbox.MemberID]string{}}
	for _, b := range m.Mailboxes() {
		for _, member := range b.Policy.Members {
			t.names[member.ID] = member.Name
		}
	}
	t.state(conversation)
	return eachPage(a.ctx, asked, conversation, func(page []inbox.Event) error { return t.events(page) })
}

// eachPage gives the timeline a page at a time.
func eachPage(ctx context.Context, asked answers, c inbox.Conversation, do func([]inbox.Event) error) error {
	for after := int64(0); ; {
		page, err := asked.timeline(ctx, c.Mailbox, c.ID, after)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := do(page); err != nil {
			return err
		}
		after = page[len(page)-1].Seq
	}
}

// printCase prints the conversation and its timeline as JSON. The hashes that tell threads apart are left out: they say
// nothing to anybody.
func printCase(ctx context.Context, w io.Writer, asked answers, c inbox.Conversation) error {
	out := struct {
		Conversation inbox.Conversation `json:"conversation"`
		Timeline     []inbox.Event      `json:"timeline"`
	}{Conversation: c, Timeline: []inbox.Event{}}
	out.Conversation.Refs, out.Conversation.People = nil, nil
	err := eachPage(ctx, asked, c, func(page []inbox.Event) error {
		for _, e := range page {
			if e.Mail != nil {
				mail := *e.Mail
				mail.Refs, mail.People = nil, nil
				e.Mail = &mail
			}
			out.Timeline = append(out.Timeline, e)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

// teller tells of a conversation in words.
type teller struct {
	out      io.Writer
	location *time.Location
	names    map[inbox.MemberID]string
}

// state says how the conversation stands now.
func (t *teller) state(c inbox.Conversation) {
	status := string(c.Status)
	switch {
	case c.Imported && c.Status == inbox.Closed:
		status += ", from before Postroom"
	case c.Overflow:
		status += ", with a lead until somebody has room"
	}
	owner := "nobody"
	if c.Owner != "" {
		owner = t.member(c.Owner)
	}
	if c.Former != "" && c.Former != c.Owner {
		owner += " (" + t.member(c.Former) + " had it before)"
	}
	tags := make([]string, len(c.Tags))
	for i, tag := range c.Tags {
		tags[i] = printable(tag, maxShown)
	}
	mail := fmt.Sprintf("%d received, %d of them in the inbox; %s", c.Received, c.InInbox, count(c.Answers, "answer", "answers"))
	fmt.Fprintf(t.out, "conversation %s in %s\n\n", printable(string(c.ID), maxShown), printable(string(c.Mailbox), maxShown))
	for _, row := range [][2]string{
		{"subject", printable(c.Subject, maxShown)}, {"customer", person(c.Customer)}, {"status", status}, {"owner", owner},
		{"priority", priority(c.Priority)}, {"tags", strings.Join(tags, ", ")}, {"mail", mail}, {"opened", t.clock(c.Opened)},
	} {
		if row[1] == "" {
			row[1] = "none"
		}
		fmt.Fprintf(t.out, "  %-8s  %s\n", row[0], row[1])
	}
	fmt.Fprintln(t.out)
}

// events tells a page of the timeline: when, who did what, and below it why.
func (t *teller) events(page []inbox.Event) error {
	for _, e := range page {
		clock := t.clock(e.At)
		if _, err := fmt.Fprintf(t.out, "%s  %s\n", clock, t.told(e)); err != nil {
			return err
		}
		for i, reason := range e.Why {
			lead := "because"
			if i > 0 {
				lead = "    and"
			}
			fmt.Fprintf(t.out, "%*s  %s %s\n", len(clock), "", lead, printable(reason, maxShown))
		}
	}
	return nil
}

func (t *teller) clock(at time.Time) string { return at.In(t.location).Format(clockLayout) }
