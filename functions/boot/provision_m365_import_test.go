package boot_test

import (
	"context"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

// What is there, by files and by hand, is written down as a file whose plan changes nothing but what the file says in
// comments, and never what anybody may do.
func TestMicrosoft365IsImported(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newContoso(t, exchangesim.Delays{})
		past := drawManifest(t, "past", nil)
		c.bring(past.Desired())
		c.byHand(t, past.Desired())
		var there []provision.Mailbox
		for _, m := range past.Desired() {
			if m.Address != "" {
				there = append(there, provision.Mailbox{Address: m.Address, Provider: m.Provider})
			}
		}
		found, err := c.estate(there).Read(context.Background(), there, nil)
		c.must(err)
		text, err := manifest.Write(found, manifest.WriteOptions{Timezone: "Europe/Copenhagen", M365: past.M365()})
		c.must(err)
		want := parse(t, string(text)).Desired()
		p := c.plan(want, true)
		for _, s := range p.Steps {
			if s.Takes || s.Fact.Aspect != provision.Marker || s.Verb != provision.Add || !strings.Contains(string(text), "# ") {
				t.Errorf("importing%s\n\n%s", describe(p), text)
				break
			}
		}
		if len(p.Held)+len(p.Unread) > 0 {
			t.Errorf("importing leaves%s\n\n%s", describe(p), text)
		}
		c.bring(want)
		c.check(want)
	})
}
