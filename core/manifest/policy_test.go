package manifest_test

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/assign"
	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/rules"
)

func read(t *testing.T, data string) []manifest.Mailbox {
	t.Helper()
	m, err := manifest.Parse("test.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return m.Mailboxes()
}

func TestExample(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got := read(t, string(data))[0].Policy
	set := got.Rules
	got.Rules = nil
	one := assign.Member{ID: "one", Name: "Agent One", Skills: []string{"billing", "da"}}
	want := decide.Policy{
		Mailbox:   "support@contoso.com",
		Addresses: []inbox.Address{"support@contoso.com"},
		Domains:   []string{"contoso.com"},
		Members: []decide.Member{
			{ID: "one", Name: "Agent One", Address: "one@contoso.com", Marker: "@Agent One"},
			{ID: "two", Name: "Agent Two", Address: "two@contoso.com", Marker: "@Agent Two"},
		},
		Assign: assign.Config{Strategy: assign.LeastLoaded, Cap: 20, Leads: []assign.Member{one},
			Agents: []assign.Member{one, {ID: "two", Name: "Agent Two", Skills: []string{"technical"}}}},
		Tags:    []decide.Tag{{Name: "VIP", Marker: "VIP"}, {Name: "Refund", Marker: "Refund"}},
		Markers: decide.Markers{Waiting: "Waiting", Closed: "Closed"},
		CloseBy: inbox.Archive,
		Backlog: decide.Backlog{Mode: decide.BacklogRegister},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("policy is\n%+v, want\n%+v", got, want)
	}
	from := func(a inbox.Address, subject string) []rules.Hit {
		return set.Match(inbox.Message{From: inbox.Person{Address: a}, Subject: subject})
	}
	hits := from("bob@fabrikam.com", "Angående REFUNDERING")
	wantHits := []rules.Hit{
		{Rule: "refunds go to billing", Why: []string{"from is not *@contoso.com", `subject contains "refund"`},
			Then: rules.Then{Tags: []string{"Refund"}, Priority: inbox.PriorityHigh, Skill: "billing"}},
		{Rule: "big customers", Why: []string{`if: message.From.Domain in ["fabrikam.com","adatum.com"]`}, Then: rules.Then{Tags: []string{"VIP"}, Stop: true}},
	}
	if !reflect.DeepEqual(hits, wantHits) {
		t.Errorf("hits are\n%+v, want\n%+v", hits, wantHits)
	}
	if hits := from("one@contoso.com", "refund"); hits != nil {
		t.Errorf("a colleague's mail hits %+v", hits)
	}
}

const head = "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: %s}\nmembers:\n%smailboxes:\n  a@contoso.com: {provider: gmail, agents: [m0]}\n"

func TestNewMemberChangesNoColor(t *testing.T) {
	t.Parallel()
	members := func(n int) (s string) {
		for i := range n {
			s += fmt.Sprintf("  m%d: {name: Name%d, email: m%d@contoso.com}\n", i, i, i)
		}
		return s
	}
	styles := func(n int) []inbox.Style {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf("m%d", i))
		}
		data := strings.Replace(fmt.Sprintf(head, "UTC", members(n)), "[m0]", "["+strings.Join(all, ", ")+"]", 1)
		return read(t, data)[0].Styles[:n]
	}
	many := styles(20)
	seen := map[string]bool{}
	for _, s := range many {
		if seen[s.Color] {
			t.Errorf("%s has the colour of another, %s", s.Marker, s.Color)
		}
		seen[s.Color] = true
	}
	if few := styles(8); !reflect.DeepEqual(few, many[:8]) {
		t.Errorf("eight members are %v, and %v when there are twenty", few, many[:8])
	}
	styles(60) // more than there are colours
}

func TestAwayIsInTheZoneOfTheOrganisation(t *testing.T) {
	t.Parallel()
	m := "  m0: {name: N, email: m0@contoso.com, away: {from: 2026-03-29, until: 2026-03-30}}\n"
	m = strings.NewReplacer("away: {", "away: [{", "30}", "30}]").Replace(m)
	box := read(t, fmt.Sprintf(head, "Europe/Copenhagen", m))[0]
	away := box.Policy.Assign.Agents[0].Away[0]
	// The clock is put forward on that day, so it has 23 hours.
	if want := time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC); !away.From.Equal(want) || away.Until.Sub(away.From) != 23*time.Hour {
		t.Errorf("away is %v, want 23 hours from %v", away, want)
	}
	if box.Location.String() != "Europe/Copenhagen" {
		t.Errorf("location is %v", box.Location)
	}
}

func BenchmarkParse(b *testing.B) {
	data, err := os.ReadFile("testdata/full.yaml")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manifest.Parse("full.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHundredMailboxes(b *testing.B) {
	var s strings.Builder
	fmt.Fprint(&s, "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\nmembers:\n")
	for i := range 300 {
		fmt.Fprintf(&s, "  m%d: {name: Name%d, email: m%d@contoso.com, skills: [a, b]}\n", i, i, i)
	}
	s.WriteString("mailboxes:\n")
	for i := range 100 {
		fmt.Fprintf(&s, "  box%d@contoso.com:\n    provider: m365\n    agents: [m1, m2, m3, m4]\n    tags: {VIP: red}\n    rules:\n", i)
		for j := range 20 {
			fmt.Fprintf(&s, "      - name: rule %d\n        when: {subject: [word%d, other%d], from: {not: '*@contoso.com'}, if: 'message.Size > %d'}\n        then: {tag: VIP}\n", j, j, j, j)
		}
	}
	b.SetBytes(int64(s.Len()))
	for b.Loop() {
		if _, err := manifest.Parse("x.yaml", []byte(s.String())); err != nil {
			b.Fatal(err)
		}
	}
}
