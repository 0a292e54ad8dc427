package manifest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/manifest"
)

// large is a manifest of many mailboxes and members as an organisation of that size would have it: each mailbox with ten
// agents, a lead, three aliases, tags and rules.
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

func BenchmarkParseLarge(b *testing.B) {
	data := []byte(large(500, 3000))
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := manifest.Parse("x.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}
