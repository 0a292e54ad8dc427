package manifest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/manifest"
)

// large is a manifest of many mailboxes and members as an organisation of that size would have it: each mailbox with ten
// agents, a lead, three aliases, tags and a rule.
func large(mailboxes, members int) string {
	var b strings.Builder
	b.WriteString("version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}\nmembers:\n")
	for i := range members {
		fmt.Fprintf(&b, "  person%d:\n    name: First%d Last%d\n    email: person%d@contoso.com\n    skills: [billing, da]\n", i, i, i, i)
	}
	b.WriteString("mailboxes:\n")
	for i := range mailboxes {
		fmt.Fprintf(&b, "  team%d@contoso.com:\n    provider: %s\n    name: Contoso Team %d\n    aliases:\n", i, []string{"m365", "gmail"}[i%2], i)
		for j := range 3 {
			fmt.Fprintf(&b, "      - alias%d.%d@contoso.com\n", i, j)
		}
		b.WriteString("    agents:\n")
		for j := range 10 {
			fmt.Fprintf(&b, "      - person%d\n", (i*6+j)%members)
		}
		fmt.Fprintf(&b, "    leads: [person%d]\n    tags: {VIP: red, Refund: orange}\n    rules:\n", i*6%members)
		b.WriteString("      - name: refunds\n        when: {subject: [refund, \"money back\"]}\n        then: {tag: Refund, priority: high}\n")
	}
	return b.String()
}

func TestLargeOrganisation(t *testing.T) {
	t.Parallel()
	m, err := manifest.Parse("large.yaml", []byte(large(500, 5000)))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(m.Desired()); n != 500 {
		t.Errorf("%d mailboxes", n)
	}
	if _, err := manifest.Parse("larger.yaml", []byte(large(1, 5001))); err == nil || !strings.Contains(err.Error(), "5001 members are too many") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkParseLarge(b *testing.B) {
	data := []byte(large(500, 3000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		m, err := manifest.Parse("large.yaml", data)
		if err != nil {
			b.Fatal(err)
		}
		m.Desired()
	}
}

// hostile are files that the reader's work grows with most, n being how far they go; 100 is to the bounds.
var hostile = map[string]func(n int) string{
	"domains": func(n int) string {
		return "organisation:\n  domains: [\n" + numbered("   a%d.com,\n", 800*n) + "   ]\n"
	},
	"patterns": func(n int) string { // grows with the product, which is bounded
		return crowd(50*n) + numbered("  b%d@c.com:\n   provider: m365\n   agents: k1\n   markers: {member: \"{first}x%[1]d\"}\n", 10*n)
	},
	"nobody known": func(n int) string {
		return crowd(50*n) + "  a@c.com:\n    provider: m365\n    agents: [\n" + numbered("     n%d,\n", 800*n) + "     ]\n    readers: [\n" + numbered("     k%d,\n", 50*n) + "     ]\n"
	},
	"keys":          func(n int) string { return "members:\n" + numbered("  k%d: 1\n", 59*n) },
	"wide mappings": func(n int) string { return strings.Repeat("x:\n"+numbered("  k%d:\n   a: 1\n", 28*n), 40) },
	"flow mapping":  func(n int) string { return "members: {\n" + strings.Repeat("a: 1,\n", 6_990*n) },
	"empty items":   func(n int) string { return strings.Repeat("-\n", 990*n) },
	"item mappings": func(n int) string { return strings.Repeat("- {a: {b: {c: 1}}}\n", 700*n) },
	"quoted":        func(n int) string { return `a: "` + strings.Repeat("a\n", 20_900*n) },
	"unknown names": func(n int) string {
		return "mailboxes:\n a@b.com:\n  provider: m365\n  agents:\n" + numbered("   - n%d\n", 900*n)
	},
	"access": func(n int) string {
		return "mailboxes:\n a@b.com:\n  provider: m365\n  access:\n" + numbered("   x%d@b.com: open\n", 59*n)
	},
}

// crowd begins a manifest of so many members, whose mailboxes follow.
func crowd(members int) string {
	return "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\nmembers:\n" +
		numbered("  k%d: {name: A B, email: a%[1]d@b.com}\n", members) + "mailboxes:\n"
}

// declaration is a mailbox declared elsewhere with so many agents whom nobody knows.
func declaration(n int) []manifest.Declared {
	list := strings.TrimSuffix(numbered(`"n%d",`, 800*n), ",")
	return []manifest.Declared{{Address: "a@contoso.com", Source: "elsewhere", JSON: []byte(`{"provider":"m365","agents":[` + list + `]}`)}}
}

// TestHostileFilesCostByTheirSize compares what reading a file takes with what half of it takes, in memory asked for: a
// reader whose work grows with the square asks for four times as much. It runs alone, for memory is counted for all.
func TestHostileFilesCostByTheirSize(t *testing.T) {
	asked := func(read func() error) float64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := read(); err == nil {
			t.Error("it is read as if nothing was wrong")
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc - before.TotalAlloc)
	}
	compare := func(name string, read func(n int) error) {
		t.Helper()
		half, whole := asked(func() error { return read(5) }), asked(func() error { return read(10) })
		if whole > 3*half {
			t.Errorf("%s: twice the file takes %.1f times the memory", name, whole/half)
		}
	}
	for name, file := range hostile {
		if name == "patterns" {
			continue
		}
		compare(name, func(n int) error { _, err := manifest.Parse("x.yaml", []byte(file(n))); return err })
	}
	compare("declaration", func(n int) error {
		_, err := manifest.ParseWith("x.yaml", []byte(staff+"  {}\n"), declaration(n))
		return err
	})
}

// BenchmarkHostile reads the largest of them: none takes more than a few seconds on one core.
func BenchmarkHostile(b *testing.B) {
	for name, file := range hostile {
		b.Run(name, func(b *testing.B) {
			data := []byte(file(100))
			for b.Loop() {
				if _, err := manifest.Parse("x.yaml", data); err == nil {
					b.Fatal("it is read as if nothing was wrong")
				}
			}
		})
	}
}
