package boot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// drawManifest draws a manifest with all that it can say of a shared mailbox. past is the one before it, nil for none: a
// mailbox that it had may be retired, and what is not declared any more keeps its aliases.
func drawManifest(t *rapid.T, label string, past *manifest.Manifest) *manifest.Manifest {
	pick := func(what string, from ...string) string { return rapid.SampledFrom(from).Draw(t, label+" "+what) }
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\norganisation: {name: Contoso, domains: [contoso.com], timezone: Europe/Copenhagen}\n")
	fmt.Fprintf(&b, "m365: {app: %s, principal: %s, control: %s}\nmembers:\n", contosoApp, contosoObject, undeclared)
	members := []string{"anna", "bo", "cy", "dan"}
	for _, m := range members {
		fmt.Fprintf(&b, "  %s: {name: %s Test, email: %s@contoso.com%s}\n", m, strings.ToUpper(m[:1])+m[1:], m, pick(m+" color", "", ", color: red", ", color: dark-blue"))
	}
	holders := append([]string{""}, boxes...)
	var declared, retired []string
	for i, address := range boxes {
		switch is := pick(address+" is", "declared", "declared", "declared", "gone"); {
		case is == "declared" || len(declared) == 0 && i == len(boxes)-1:
			declared = append(declared, address)
		case past != nil && pick(address+" goes", "kept", "deleted") == "deleted":
			retired = append(retired, address)
		}
	}
	taken := map[string]bool{}
	if past != nil {
		for _, m := range past.Desired() {
			for f := range m.Facts {
				if f.Aspect == provision.Alias && !slices.Contains(declared, string(m.Address)) {
					taken[f.Subject] = true
				}
			}
		}
	}
	alias := map[string][]string{}
	for i := range 4 {
		a := fmt.Sprintf("a%d@contoso.com", i)
		if who := pick(a, holders...); who != "" && !taken[a] {
			alias[who] = append(alias[who], a)
		}
	}
	b.WriteString("mailboxes:\n")
	for _, address := range declared {
		role := map[string][]string{}
		for _, m := range members {
			r := pick(address+" "+m, "", "agents", "agents", "readers")
			role[r] = append(role[r], m)
		}
		if len(role["agents"]) == 0 {
			role["agents"] = []string{"anna"}
			role["readers"] = slices.DeleteFunc(role["readers"], func(m string) bool { return m == "anna" })
		}
		fmt.Fprintf(&b, "  %s:\n    provider: m365\n    agents: [%s]\n    leads: [%s]\n", address, strings.Join(role["agents"], ", "), role["agents"][0])
		if len(role["readers"]) > 0 {
			fmt.Fprintf(&b, "    readers: [%s]\n", strings.Join(role["readers"], ", "))
		}
		if len(alias[address]) > 0 {
			fmt.Fprintf(&b, "    aliases: [%s]\n", strings.Join(alias[address], ", "))
		}
		for _, line := range [][]string{
			{"", "name: Support", `name: "Ærø & Søn"`}, {"", "answer-as: member"}, {"", "auto-mapping: false"},
			{"", "sent-copies: false", "sent-copies: {as: true, on-behalf: false}"}, {"", "language: da-DK", "language: en-GB", "language: da-DK\n    localised-folders: true"},
			{"", "timezone: America/New_York"}, {"", "quota: 20 GB", "quota: 50 GB"}, {"", "hidden: true", "hidden: false"}, {"", "automatic-reply: keep"},
			{"", "tags: {VIP: red, Refund: {}}", "tags: {VIP: blue}"}, {"", "markers: {closed: Done}"},
			{"", "access: {dan@contoso.com: [open, unmapped]}", "access: {bo@contoso.com: [read, send-on-behalf], cy@contoso.com: [send-as]}", "access: {anna@contoso.com: [none]}"},
		} {
			if one := pick(address+" "+line[1], line...); one != "" {
				fmt.Fprintf(&b, "    %s\n", one)
			}
		}
	}
	if len(retired) > 0 {
		b.WriteString("retired:\n")
		for _, address := range retired {
			fmt.Fprintf(&b, "  %s: {provider: m365, mailbox: delete}\n", address)
		}
	}
	return parse(t, b.String())
}

// A file is written, then another one over it: each becomes true, whatever an administrator did by hand in between.
func TestMicrosoft365FollowsTheManifest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newContoso(t, rapid.SampledFrom([]exchangesim.Delays{{}, slow}).Draw(t, "delays"))
		first := drawManifest(t, "first", nil)
		second := drawManifest(t, "second", first)
		for _, m := range []*manifest.Manifest{first, second} {
			c.byHand(t, m.Desired())
			c.bring(m.Desired())
			c.check(m.Desired())
			c.clock.Advance(time.Hour)
		}
	})
}
