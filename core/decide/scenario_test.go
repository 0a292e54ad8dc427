package decide_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

var update = flag.Bool("update", false, "write what the decisions are into the scenarios")

// TestScenarios runs testdata/*.txt: what happens to one conversation above the line "---", and below it what is decided.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			story, want, _ := strings.Cut(string(data), "---\n")
			s := newStory(t)
			for line := range strings.Lines(story) {
				s.step(strings.TrimSpace(line))
			}
			if *update {
				if err := os.WriteFile(file, []byte(story+"---\n"+s.out.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got := s.out.String(); got != want {
				t.Errorf("decided:\n%s\nwant:\n%s", got, want)
			}
			if replayed := inbox.Replay(s.c.ID, s.c.Mailbox, s.events); fmt.Sprint(replayed) != fmt.Sprint(s.c) {
				t.Errorf("the timeline replays to\n%+v\nnot\n%+v", replayed, s.c)
			}
		})
	}
}

type story struct {
	t      *testing.T
	policy *decide.Policy
	team   assign.Team
	sticky assign.Handled
	c      inbox.Conversation
	events []inbox.Event
	known  map[string]inbox.Known
	out    strings.Builder
}

func newStory(t *testing.T) *story {
	set, err := rules.Compile([]rules.Rule{
		{Name: "refunds", When: rules.When{Subject: rules.Condition{Any: []string{"refund"}}}, Then: rules.Then{Tags: []string{"Refund"}, Priority: inbox.PriorityHigh, Skill: "billing"}},
		{Name: "in turn", When: rules.When{Subject: rules.Condition{Any: []string{"turns"}}}, Then: rules.Then{Strategy: "round-robin"}},
		{Name: "for two", When: rules.When{Subject: rules.Condition{Any: []string{"for two"}}}, Then: rules.Then{Member: "two"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	one := assign.Member{ID: "one", Name: "Agent One", Skills: []string{"billing"}}
	two := assign.Member{ID: "two", Name: "Agent Two"}
	lead := assign.Member{ID: "lead", Name: "Lead Three"}
	return &story{t: t, known: map[string]inbox.Known{}, c: inbox.Conversation{ID: "conversation", Mailbox: "support@contoso.com"}, policy: &decide.Policy{
		Mailbox: "support@contoso.com", Addresses: []inbox.Address{"support@contoso.com"}, Domains: []string{"contoso.com"},
		Members: []decide.Member{
			{ID: "one", Name: "Agent One", Address: "one@contoso.com", Marker: "@One"},
			{ID: "two", Name: "Agent Two", Address: "two@contoso.com", Marker: "@Two"},
			{ID: "lead", Name: "Lead Three", Address: "lead@contoso.com", Marker: "@Lead"},
		},
		Assign:  assign.Config{Strategy: assign.LeastLoaded, Cap: 3, Agents: []assign.Member{one, two}, Leads: []assign.Member{lead}},
		Rules:   set,
		Tags:    []decide.Tag{{Name: "Refund", Marker: "Refund"}, {Name: "VIP", Marker: "VIP"}},
		Markers: decide.Markers{Waiting: "Waiting", Closed: "Closed"}, CloseBy: inbox.Archive, Backlog: decide.Backlog{Mode: decide.BacklogTriageUnread},
	}}
}

// step takes one line: "HH:MM verb words…", "team one=2 two=1", "policy sticky=…|strategy=…|away=…", or a # remark.
func (s *story) step(line string) {
	words := fields(line)
	switch {
	case len(words) == 0 || strings.HasPrefix(line, "#"):
		return
	case words[0] == "team":
		s.team.Open = map[inbox.MemberID]int{}
		for _, w := range words[1:] {
			id, n, _ := strings.Cut(w, "=")
			s.team.Open[inbox.MemberID(id)], _ = strconv.Atoi(n)
		}
		return
	case words[0] == "policy":
		for _, w := range words[1:] {
			s.configure(w)
		}
		return
	}
	clock, err := time.Parse("15:04", words[0])
	if err != nil {
		s.t.Fatalf("line %q: %v", line, err)
	}
	now := time.Date(2026, 3, 2, clock.Hour(), clock.Minute(), 0, 0, time.UTC)
	sit := decide.Situation{Team: s.team, Handled: s.sticky, Now: now}
	var d decide.Decision
	switch verb := words[1]; verb {
	case "do":
		d = s.command(words[2:], sit)
	case "drain":
		d = decide.Drain(s.c, s.policy, sit)
	default:
		d = decide.Change(s.c, s.change(verb, words[2:], now), s.policy, sit)
	}
	s.record(line, d)
}

func (s *story) configure(word string) {
	key, value, _ := strings.Cut(word, "=")
	switch key {
	case "sticky":
		s.policy.Assign.Sticky = 14 * 24 * time.Hour
		s.sticky = assign.Handled{Member: inbox.MemberID(value), At: time.Date(2026, 2, 27, 9, 0, 0, 0, time.UTC)}
	case "strategy":
		s.policy.Assign.Strategy = assign.Strategy(value)
	case "backlog":
		s.policy.Backlog = decide.Backlog{Mode: decide.BacklogMode(value)}
	case "since":
		at, _ := time.Parse("15:04", value)
		s.policy.Backlog = decide.Backlog{Mode: decide.BacklogTriageSince, Since: time.Date(2026, 3, 2, at.Hour(), at.Minute(), 0, 0, time.UTC)}
	case "away":
		day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
		for _, list := range [][]assign.Member{s.policy.Assign.Agents, s.policy.Assign.Leads} {
			for i, m := range list {
				if string(m.ID) == value {
					list[i].Away = []assign.Span{{From: day, Until: day.AddDate(0, 0, 1)}}
				}
			}
		}
	default:
		s.t.Fatalf("policy %q", word)
	}
}

func (s *story) command(words []string, sit decide.Situation) decide.Decision {
	verb, arg, _ := strings.Cut(words[0], ":")
	cmd := decide.Command{Verb: decide.Verb(verb), By: inbox.ByMember("two"), Member: inbox.MemberID(arg), Tag: arg}
	d, err := decide.Do(s.c, cmd, s.policy, sit)
	if err != nil {
		fmt.Fprintf(&s.out, "refused: %v\n", err)
		d.Conversation = s.c
	}
	return d
}

func (s *story) change(verb string, words []string, now time.Time) inbox.Change {
	id := words[0]
	k, ch := s.known[id], inbox.Change{At: now}
	ch.Message = inbox.Message{
		ID: inbox.MessageID(id), Thread: "thread", RFCID: "<" + id + ">", Subject: "Parcel", At: now, Direction: inbox.In,
		From: inbox.Person{Address: "customer@example.com"}, To: []inbox.Person{{Address: "support@contoso.com"}},
	}
	ch.State.Place = inbox.Inbox
	switch verb {
	case "arrive":
		ch.Kind = inbox.Arrived
	case "answer":
		ch.Kind, ch.Message.Direction, ch.State.Place = inbox.SentOut, inbox.Out, inbox.Sent
		ch.Message.From, ch.Message.To = ch.Message.To[0], []inbox.Person{ch.Message.From}
	case "mark":
		ch.Kind, ch.Known, ch.Message, ch.State = inbox.Marked, k, inbox.Message{}, k.State
	case "move":
		ch.Kind, ch.Known, ch.Message, ch.State = inbox.Moved, k, inbox.Message{}, k.State
		ch.State.Place = inbox.Place(words[1])
		words = words[:1]
	case "delete":
		ch.Kind, ch.Known, ch.Message = inbox.Deleted, k, inbox.Message{}
	default:
		s.t.Fatalf("verb %q", verb)
	}
	for _, w := range words[1:] {
		key, value, _ := strings.Cut(w, "=")
		switch {
		case strings.HasPrefix(w, "+"):
			ch.Added = append(ch.Added, inbox.Marker(w[1:]))
		case strings.HasPrefix(w, "-"):
			ch.Removed = append(ch.Removed, inbox.Marker(w[1:]))
		case key == "from":
			ch.Message.From.Address = inbox.Address(value)
		case key == "sender":
			ch.Message.Sender.Address = inbox.Address(value)
		case key == "subject":
			ch.Message.Subject = value
		case key == "at":
			at, _ := time.Parse("15:04", value)
			ch.Message.At = time.Date(2026, 3, 2, at.Hour(), at.Minute(), 0, 0, time.UTC)
		case key == "place":
			ch.State.Place = inbox.Place(value)
		case w == "auto":
			ch.Message.Header = []inbox.Field{{Name: "Auto-Submitted", Value: "auto-replied"}}
		case w == "imported":
			ch.Imported = true
		case w == "unread":
			ch.Message.Unread = true
		default:
			s.t.Fatalf("word %q", w)
		}
	}
	if verb == "arrive" || verb == "answer" {
		k = inbox.Known{ID: ch.Message.ID, Direction: ch.Message.Direction, State: ch.State}
	}
	k.State.Place = ch.State.Place
	s.known[id] = k
	return ch
}

func (s *story) record(line string, d decide.Decision) {
	s.c, s.team = d.Conversation, s.team.With(d.Shift)
	s.events = append(s.events, d.Events...)
	fmt.Fprintf(&s.out, "> %s\n", line)
	for _, e := range d.Events {
		fmt.Fprintf(&s.out, "  %s %s by %s", e.At.Format("15:04"), e.Kind, e.By)
		for _, w := range []struct{ name, value string }{
			{"member", string(e.Member)}, {"from", string(e.From)}, {"tag", e.Tag}, {"priority", string(e.Priority)}, {"place", string(e.Place)},
		} {
			if w.value != "" {
				fmt.Fprintf(&s.out, " %s=%s", w.name, w.value)
			}
		}
		fmt.Fprintf(&s.out, ": %s\n", strings.Join(e.Why, "; "))
	}
	var loads []string
	for _, id := range slices.Sorted(maps.Keys(s.team.Open)) {
		loads = append(loads, fmt.Sprintf("%s=%d", id, s.team.Open[id]))
	}
	fmt.Fprintf(&s.out, "  = %s owner=%s shows=%v team=[%s] overflow=%d\n", s.c.Status, s.c.Owner, s.policy.Shown(s.c), strings.Join(loads, " "), s.team.Overflow)
}

// fields splits at spaces outside double quotes, which it drops.
func fields(line string) []string {
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == ' ' && !quoted
	})
	for i, w := range words {
		words[i] = strings.ReplaceAll(w, `"`, "")
	}
	return words
}
