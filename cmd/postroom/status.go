package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
)

type statusCommand struct {
	Config string `default:"postroom.yaml" help:"The manifest."`
	Data   string `default:"postroom-data" help:"The directory that serve keeps its state in."`
	JSON   bool   `name:"json" help:"Print one JSON object instead."`
}

// Help is shown below the flags.
func (c *statusCommand) Help() string {
	return `It may be asked while "postroom serve" runs, and when it does not. Nothing is reached over the network.

Examples:
  postroom status
  postroom status --config postroom.yaml --data /var/lib/postroom --json`
}

// overview is what --json prints.
type overview struct {
	Mailboxes []mailboxStatus `json:"mailboxes"`
	Totals    tally           `json:"totals"`
}

// mailboxStatus is how a mailbox stands, with what the manifest says of its people.
type mailboxStatus struct {
	standing
	Owners []ownerStatus `json:"owners"` // instead of the standing's

	name     string
	provider manifest.Provider
	location *time.Location
}

type ownerStatus struct {
	Member inbox.MemberID `json:"member"`
	Name   string         `json:"name,omitempty"` // empty for somebody who is not in the manifest any more
	load
	Cap  int  `json:"cap,omitempty"` // 0: none
	Away bool `json:"away,omitempty"`
}

// Run asks and prints.
func (c *statusCommand) Run(a *app) error {
	m, err := readGoodManifest(c.Config)
	if err != nil {
		return err
	}
	asked, closer, err := openAnswers(a.ctx, c.Data, mailboxIDs(m))
	if err != nil {
		return err
	}
	defer closer.Close()
	list, err := asked.standings(a.ctx)
	if err != nil {
		return err
	}
	var all overview
	for _, s := range list {
		all.Mailboxes = append(all.Mailboxes, introduce(s, m, a.now()))
		all.Totals.add(s.tally)
	}
	if c.JSON {
		return writeJSON(a.stdout, all)
	}
	return all.print(a.stdout, a.now())
}

// introduce adds what the manifest knows of the mailbox: every member who can be given work, and whoever has some.
func introduce(s standing, m *manifest.Manifest, now time.Time) mailboxStatus {
	out := mailboxStatus{standing: s, location: m.Location}
	rest := maps.Clone(s.Owners)
	for _, b := range m.Mailboxes() {
		if b.Policy.Mailbox != s.Mailbox {
			continue
		}
		out.name, out.provider = b.Name, b.Provider
		cfg := b.Policy.Assign
		for _, member := range slices.Concat(cfg.Agents, cfg.Leads) {
			if slices.ContainsFunc(out.Owners, func(o ownerStatus) bool { return o.Member == member.ID }) {
				continue
			}
			o := ownerStatus{Member: member.ID, Name: member.Name, load: s.Owners[member.ID], Cap: member.Cap, Away: assign.Away(member, now)}
			if o.Cap == 0 {
				o.Cap = cfg.Cap
			}
			out.Owners = append(out.Owners, o)
			delete(rest, member.ID)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(rest)) {
		out.Owners = append(out.Owners, ownerStatus{Member: id, load: rest[id]})
	}
	return out
}

func (o *overview) print(w io.Writer, now time.Time) error {
	var out strings.Builder
	for _, m := range o.Mailboxes {
		title := string(m.Mailbox)
		if m.name != "" && m.name != title {
			title += "  " + printable(m.name, 60)
		}
		if m.provider != "" {
			title += ", " + providerName(m.provider)
		}
		fmt.Fprintf(&out, "%s\n%s%s\n\n", title, m.tally, m.queue(now))
		width := cells("owner")
		for _, p := range m.Owners {
			width = max(width, cells(p.title()))
		}
		row := func(owner, open, limit, waiting, remark string) {
			line := fmt.Sprintf("    %s  %6s  %6s  %7s  %s", pad(owner, width), open, limit, waiting, remark)
			out.WriteString(strings.TrimRight(line, " ") + "\n")
		}
		row("owner", "open", "cap", "waiting", "")
		for _, p := range m.Owners {
			limit := "none"
			if p.Cap > 0 {
				limit = strconv.Itoa(p.Cap)
			}
			row(p.title(), strconv.Itoa(p.Open), limit, strconv.Itoa(p.Waiting), p.remark())
		}
		if m.Unassigned > 0 {
			row("nobody", strconv.Itoa(m.Unassigned), "", "", "")
		}
		out.WriteByte('\n')
	}
	_, err := fmt.Fprintf(w, "%stotal of %s\n%s", out.String(), count(len(o.Mailboxes), "mailbox", "mailboxes"), o.Totals)
	return err
}

// String is the figures, in two lines.
func (t tally) String() string {
	more := ""
	if t.MorePending {
		more = " or more"
	}
	return fmt.Sprintf("  open %d   waiting %d   closed %d   from before Postroom %d\n  unassigned %d   overflow %d   pending actions %d%s\n",
		t.Open, t.Waiting, t.Closed, t.Imported, t.Unassigned, t.Overflow, t.Pending, more)
}

// queue says how far the mailbox has been read.
func (m *mailboxStatus) queue(now time.Time) string {
	text := "  never read to its end yet"
	switch {
	case m.Listing.Of > 0:
		done := min(100, 100*m.Listing.Read/m.Listing.Of)
		text += fmt.Sprintf(", first sync: %d of about %d mails, %d %%", m.Listing.Read, m.Listing.Of, done)
	case m.Listing.Read > 0:
		text += fmt.Sprintf(", first sync: %s so far", count(m.Listing.Read, "mail", "mails"))
	}
	if !m.LastSync.IsZero() {
		text = fmt.Sprintf("  read to its end %s, %s ago", m.LastSync.In(m.location).Format(clockLayout), since(now.Sub(m.LastSync)))
	}
	if m.Hints >= 0 {
		text += ", " + count(m.Hints, "hint", "hints") + " waiting"
	}
	if m.Resyncs > 0 {
		text += ", listed anew " + count(m.Resyncs, "time", "times")
	}
	return text
}

func (o ownerStatus) title() string {
	if o.Name == "" {
		return printable(string(o.Member), 60)
	}
	return printable(o.Name, 60)
}

func (o ownerStatus) remark() string {
	switch {
	case o.Name == "":
		return "not in the manifest"
	case o.Away:
		return "away"
	case o.Cap > 0 && o.Open >= o.Cap:
		return "at the cap"
	}
	return ""
}

// since is a duration as people say it.
func since(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(max(int(d/time.Second), 0), "second", "seconds")
	case d < time.Hour:
		return count(int(d/time.Minute), "minute", "minutes")
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour", "hours")
	}
	return count(int(d/(24*time.Hour)), "day", "days")
}

// readGoodManifest reads a manifest for a command whose topic it is not: problems are counted and validate tells them.
func readGoodManifest(file string) (*manifest.Manifest, error) {
	data, err := readManifestFile(file)
	if err != nil {
		return nil, err
	}
	return goodManifest(file, data)
}

func goodManifest(file string, data []byte) (*manifest.Manifest, error) {
	m, err := manifest.Parse(file, data)
	if wrong, ok := err.(*manifest.Errors); ok {
		return nil, fmt.Errorf("%s has %s: run postroom validate %s", file, count(len(wrong.List)+wrong.More, "problem", "problems"), file)
	}
	return m, err
}

func mailboxIDs(m *manifest.Manifest) (ids []inbox.MailboxID) {
	for _, b := range m.Mailboxes() {
		ids = append(ids, b.Policy.Mailbox)
	}
	return ids
}
