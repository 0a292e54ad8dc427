package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/manifest"
)

var providerNames = map[manifest.Provider]string{manifest.M365: "Microsoft 365", manifest.Gmail: "Gmail"}

// title says what is about to be seen.
func (s *demoStory) title(given []string, once bool) {
	fmt.Fprintln(s.out, s.ink(boldInk, "Postroom demo")+": two simulated mailboxes in this process. No account, and nothing is sent anywhere.")
	for _, b := range s.world.boxes {
		var team []string
		for _, m := range b.policy.Assign.Agents {
			name := firstName(m.Name)
			for _, l := range b.policy.Assign.Leads {
				if l.ID == m.ID {
					name += " (lead)"
				}
			}
			team = append(team, name)
		}
		fmt.Fprintf(s.out, "  %s  %s  %s\n", pad(string(b.id), s.addressWidth()), pad(providerNames[b.provider], 13), policyWords(b.policy.Assign))
		fmt.Fprintf(s.out, "  %s  %s\n", pad("", s.addressWidth()), strings.Join(team, ", "))
	}
	about := "  The clock is the story's own."
	if len(given) > 0 {
		about = "  Your mail comes in over both in turn, and the team is at work. The clock is the story's own."
	}
	if !once {
		about += " Ctrl-C ends it."
	}
	fmt.Fprintln(s.out, about)
}

func (s *demoStory) addressWidth() (n int) {
	for _, b := range s.world.boxes {
		n = max(n, cells(string(b.id)))
	}
	return n
}

func policyWords(c assign.Config) string {
	out := string(c.Strategy)
	if c.Cap > 0 {
		out += fmt.Sprintf(", at most %d each", c.Cap)
	}
	return out
}

// tables shows how the mailboxes stand, and what it took.
func (s *demoStory) tables(f demoFigures) {
	for _, b := range f.Mailboxes {
		fmt.Fprintf(s.out, "\n%s\n", s.ink(boldInk, fmt.Sprintf("%s · %s · %s", b.Name, b.Address, providerNames[b.Provider])))
		fmt.Fprintln(s.out, s.ink(faintInk, row("", "open", "waiting", "closed")))
		for _, m := range b.Members {
			fmt.Fprintln(s.out, memberRow(m.Name, m))
		}
		fmt.Fprintln(s.out, memberRow("nobody", b.Nobody))
		fmt.Fprintf(s.out, "  %d received and %d sent in %s · %d open unassigned · %d overflow at a lead\n",
			b.Received, b.Sent, count(b.Conversations, "conversation", "conversations"), b.Unassigned, b.Overflow)
	}
	ok := greenInk
	if f.verdict() != nil {
		ok = redInk
	}
	fmt.Fprintln(s.out)
	figure := func(name, format string, args ...any) {
		fmt.Fprintf(s.out, "%s  %s\n", s.ink(faintInk, pad(name, 14)), fmt.Sprintf(format, args...))
	}
	figure("Messages", "%d in %s · %s", f.Messages, count(f.Conversations, "conversation", "conversations"), s.ink(ok, fmt.Sprintf("%d lost, %d doubled", f.Lost, f.Doubled)))
	figure("Conversations", "%d open, %d waiting, %d closed · %d have an owner, %d open ones have none", f.Open, f.Waiting, f.Closed, f.Assigned, f.Unassigned)
	figure("The team", "%d answers · %d reopened by customers · %d escalated to a lead, %d of them drained", f.Answered, f.Reopened, f.Escalated, s.drained)
	if f.Skipped > 0 {
		figure("Skipped", "%d files, or mails of an mbox, that could not be taken in", f.Skipped)
	}
	graph, gmail := f.Providers[string(manifest.M365)], f.Providers[string(manifest.Gmail)]
	figure("Microsoft 365", "%d requests in %d round trips", graph.Requests, graph.RoundTrips)
	figure("Gmail", "%d requests in %d round trips · %d quota units", gmail.Requests, gmail.RoundTrips, gmail.QuotaUnits)
	figure("Latency", "p50 %s ms, p95 %s ms from a mail's arrival to its markers, on this machine", ms(f.Latency.P50), ms(f.Latency.P95))
}

func ms(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }

func memberRow(name string, m demoMember) string {
	number := func(n int) string {
		if n == 0 {
			return "·"
		}
		return strconv.Itoa(n)
	}
	return row(name, number(m.Open), number(m.Waiting), number(m.Closed))
}

// row aligns the cells of a table: the first to the left, the others to the right.
func row(first string, rest ...string) string {
	var b strings.Builder
	b.WriteString("  " + pad(cut(first, 24), 24))
	for _, cell := range rest {
		b.WriteString(strings.Repeat(" ", max(0, 9-cells(cell))) + cell)
	}
	return b.String()
}
