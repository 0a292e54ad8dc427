package provision_test

import (
	"context"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// TestTheTenantAloneLeavesDeclaredMailboxesTheirMark: they are not chosen, and are not strangers for that.
func TestTheTenantAloneLeavesDeclaredMailboxesTheirMark(t *testing.T) {
	t.Parallel()
	want := boxes{tenantWish, with(support, "reach = Postroom"), with(sales, "reach = Postroom")}
	have := boxes{with(tenantWish, "-app-role Application Mail.ReadWrite"), with(support, "reach = Postroom"), sales}
	for _, stranger := range []bool{false, true} {
		tn := newTenant(have)
		if stranger {
			tn = newTenant(append(have, m365("ceo@contoso.com", "mailbox = shared", "reach = Postroom")))
		}
		p := plan(tn, want, provision.Options{AllowRemove: true, Only: []inbox.MailboxID{""}})
		why := heldBack(p, "give the app the role Application Mail.ReadWrite")
		if stranger {
			if !strings.Contains(why, "ceo@contoso.com") {
				t.Errorf("the app gets a role that reaches a stranger: held back because %q", why)
			}
			continue
		}
		if len(p.Held) > 0 || len(p.Steps) != 1 {
			t.Fatalf("the role is held back because %q; steps %+v", why, p.Steps)
		}
		r, err := tn.run("one").Apply(context.Background(), want, p)
		if err != nil || !r.Complete() || !r.Left.Empty() {
			t.Errorf("%v\n%s%+v", err, outcomes(r), r.Left)
		}
	}
}

// TestWhatCannotBeReadIsDoneOnlyWhereItIsWished: a new mailbox is furnished though nobody can look into it yet, as the
// manifest says now and not as somebody has written into the file.
func TestWhatCannotBeReadIsDoneOnlyWhereItIsWished(t *testing.T) {
	t.Parallel()
	want := with(support, "-alias help@contoso.com", "-open anna@contoso.com", "-send-as anna@contoso.com")
	for _, tt := range []struct{ name, line string }{
		{"an alias", "alias ceo@contoso.com"}, {"a category", "marker Elsewhere = red"}, {"another value", "name = Elsewhere"}, {"another color", "marker @Anna = blue"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tn, p := office(t, boxes{with(want, tt.line)}, boxes{nothing(support)}, false)
			ctx, cancel := context.WithCancel(context.Background())
			tn.after = func(provision.Step) error {
				cancel()
				return nil
			}
			if _, err := tn.run("one").Apply(ctx, boxes{with(want, tt.line)}, p); err == nil {
				t.Fatal("it was not stopped")
			}
			tn.after = nil
			at, made := site{inbox.M365, "support@contoso.com"}, len(tn.changes)
			tn.unread[at] = map[provision.Aspect]string{}
			for f := range with(want, tt.line).Facts {
				if f.Aspect != provision.Existence {
					tn.unread[at][f.Aspect] = "not yet"
				}
			}
			_, _ = tn.run("two").Apply(context.Background(), boxes{want}, p)
			for _, s := range tn.changes[made:] {
				if v, ok := want.Facts[s.Fact]; !ok || v != s.After {
					t.Errorf("it did: %s", s.What)
				}
			}
		})
	}
}
