package workspace_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// drawWish draws a mailbox with any of what can be wished. It always has the aspects that cannot be taken away again.
func drawWish(t *rapid.T, address inbox.MailboxID, label string) provision.Mailbox {
	word := rapid.SampledFrom([]string{"Contoso", "Support", "Büro", "客服", "O'Hara", "a/b?c#d", "100%", "%2F", "é", "R&D", "\"quoted\"", "..", "x.y", "🙂"})
	name := ""
	for i := range rapid.IntRange(1, 4).Draw(t, label+" words") {
		if i > 0 {
			name += " "
		}
		name += word.Draw(t, label+" word")
	}
	m := wish(address,
		fact(provision.Existence), "account", fact(provision.Name), name,
		fact(provision.OrgUnit), rapid.SampledFrom([]string{"/", unit, "/Teams/O'Hara", `/back\slash`, "/a/b/c d"}).Draw(t, label+" unit"),
		fact(provision.Licence), rapid.SampledFrom([]string{standard, starter, "Google-Apps/1010020020"}).Draw(t, label+" licence"),
		fact(provision.AddressList), rapid.SampledFrom([]string{"shown", "hidden"}).Draw(t, label+" list"),
	)
	local := address[:len(address)-len("@contoso.com")]
	for i := range rapid.IntRange(0, 4).Draw(t, label+" aliases") {
		m.Facts[fact(provision.Alias, fmt.Sprintf("%s.%d@contoso.example", local, i))] = ""
	}
	group := fmt.Sprintf("front.%s@contoso.com", local)
	m.Facts[fact(provision.Group, group)] = "Front " + word.Draw(t, label+" group")
	m.Facts[fact(provision.GroupMember, group, string(address))] = "MEMBER"
	for i := range rapid.IntRange(0, 3).Draw(t, label+" members") {
		m.Facts[fact(provision.GroupMember, group, fmt.Sprintf("person%d@contoso.com", i))] =
			rapid.SampledFrom([]string{"MEMBER", "MANAGER", "OWNER"}).Draw(t, label+" role")
	}
	for key, values := range map[string][]string{
		"enableCollaborativeInbox": {"true", "false"}, "whoCanPostMessage": {"ANYONE_CAN_POST", "ALL_MEMBERS_CAN_POST"},
		"spamModerationLevel": {"ALLOW", "MODERATE"}, "isArchived": {"true", "false"},
	} {
		m.Facts[fact(provision.GroupSetting, key)] = rapid.SampledFrom(values).Draw(t, label+" "+key)
	}
	return m
}

// Whatever was wished before and is wished now, whatever is lost and throttled on the way: in the end it is read back.
func TestAnyWish(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		for _, path := range []string{"/Teams/O'Hara", `/back\slash`, "/a/b/c d"} {
			d.sim.AddOrgUnit(path)
		}
		for i := range 3 {
			d.sim.AddAccount(workspacesim.Account{Address: fmt.Sprintf("person%d@contoso.com", i), Name: "Some Body"})
		}
		d.sim.Lag = workspacesim.Lag{
			Account: time.Duration(rapid.IntRange(0, 30).Draw(rt, "account lag")) * time.Second,
			Mailbox: time.Duration(rapid.IntRange(0, 300).Draw(rt, "mailbox lag")) * time.Second,
			Group:   time.Duration(rapid.IntRange(0, 30).Draw(rt, "group lag")) * time.Second,
		}
		kinds := []fault.Kind{fault.Lost, fault.Reset, fault.Throttle, fault.ThrottleBare, fault.Unavailable}
		for i := range rapid.IntRange(0, 6).Draw(rt, "faults") {
			d.dial.Add(fault.Rule{
				Kind: rapid.SampledFrom(kinds).Draw(rt, fmt.Sprintf("fault %d", i)), Skip: rapid.IntRange(0, 20).Draw(rt, fmt.Sprintf("skip %d", i)),
				Times: rapid.IntRange(1, 2).Draw(rt, fmt.Sprintf("times %d", i)), RetryAfter: 7 * time.Second,
			})
		}
		for round := range 2 {
			want := drawWish(rt, box, fmt.Sprint(round))
			for _, s := range steps(want, d.read(want)[0]) {
				if err := d.do(s); err != nil {
					rt.Fatalf("%s %v to %q: %v", s.Verb, s.Fact, s.After, err)
				}
			}
			d.clock.Advance(time.Minute)
			have := d.read(want)[0]
			for _, s := range steps(want, have) {
				rt.Fatalf("left to do: %s %v from %q to %q", s.Verb, s.Fact, s.Before, s.After)
			}
			if len(have.Unread) > 0 {
				rt.Fatalf("unread: %v", have.Unread)
			}
		}
		if n := d.sim.TooFast(); n > 0 {
			rt.Fatalf("%d licensing requests came within a second of another", n)
		}
	})
}
