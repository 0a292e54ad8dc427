package exchange_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
)

func TestEverythingIsBroughtAboutAndReadBack(t *testing.T) {
	t.Parallel()
	for _, all := range []bool{false, true} {
		t.Run(fmt.Sprint("all for what is missing ", all), func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			tn.MissingIsAll = all
			others(t, tn)
			testEverything(t, tn)
			if have := tn.read(t, ideal("nobody@contoso.com"))[0]; have.Exists() || len(have.Facts)+len(have.Unread) > 0 {
				t.Errorf("of a mailbox that is not there %v is read, unread %v", have.Facts, have.Unread)
			}
		})
	}
}

// others sets up what is not ours to touch.
func others(t *testing.T, tn *tenant) {
	t.Helper()
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "other@contoso.com"}))
	must(t, tn.Grant("other@contoso.com", "anna@contoso.com", "FullAccess"))
	must(t, tn.Run("New-ServicePrincipal", map[string]any{"AppId": "other-app", "ObjectId": "other-object"}))
	must(t, tn.Run("New-ManagementRoleAssignment", map[string]any{"App": "other-app", "Role": "Application Mail.ReadWrite"}))
	must(t, tn.Run("New-ManagementScope", map[string]any{"Name": "Theirs", "RecipientRestrictionFilter": "CustomAttribute1 -eq 'x'"}))
}

func testEverything(t *testing.T, tn *tenant) {
	t.Helper()
	// The role is asked for before Exchange knows the app.
	early := tn.read(t, idealTenant())[0]
	role := provision.Step{Provider: inbox.M365, Verb: provision.Set, Fact: fact(provision.AppRole, "Application Mail.ReadWrite"), After: "Postroom"}
	if err := tn.admin.Do(t.Context(), role); err == nil || len(early.Facts) > 0 {
		t.Errorf("an app that Exchange does not know got a role, or has %v", early.Facts)
	}
	tn.apply(t, idealTenant(), ideal(support))
	if mapped, ok := tn.Mapped("support@contoso.com", "o.hara@contoso.com"); !ok || mapped {
		t.Errorf("auto-mapping of o.hara: mapped %v, has access %v", mapped, ok)
	}
	if err := tn.Run("New-ManagementRoleAssignment", map[string]any{"App": "other-app", "Role": "Application Mail.ReadWrite"}); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("the role of another app is gone: %v", err)
	}
}

// TestRandomWishes goes from one random state to the next, each time in the same tenant.
func TestRandomWishes(t *testing.T) {
	t.Parallel()
	people := []string{"anna@contoso.com", "bo@contoso.com", "o.hara@contoso.com", "team@contoso.com"}
	rapid.Check(t, func(rt *rapid.T) {
		tn := newTenant(t)
		tn.NamesOnly = rapid.Bool().Draw(rt, "names only")
		rounds := rapid.IntRange(1, 3).Draw(rt, "rounds")
		for range rounds {
			want := box(support, map[provision.Fact]string{fact(provision.Existence, ""): "shared", fact(provision.Name, ""): rapid.StringMatching(`[ -~‘’“”æ]{1,30}[a-z]9`).Draw(rt, "name")}) // nobody's name: then rights are read as unknown
			pick := func(f provision.Fact, values ...string) {
				if v := rapid.SampledFrom(append(values, "")).Draw(rt, string(f.Aspect)); v != "" {
					want.Facts[f] = v
				}
			}
			pick(fact(provision.SignIn, ""), "blocked", "allowed")
			pick(fact(provision.Language, ""), "da-DK", "en-US", "de-DE", "pt-BR")
			pick(fact(provision.TimeZone, ""), "Europe/Copenhagen", "Europe/Paris", "Asia/Kolkata", "UTC")
			pick(fact(provision.Quota, ""), "1073741824", "53687091200", "12345678901")
			pick(fact(provision.AddressList, ""), "shown", "hidden")
			pick(fact(provision.AutoReply, ""), "off", "on")
			pick(fact(provision.SentCopies, "as"), "on", "off")
			pick(fact(provision.SentCopies, "on-behalf"), "on", "off")
			pick(fact(provision.Reach, ""), "Postroom")
			for _, alias := range []string{"help@contoso.com", "hilfe@contoso.com"} {
				if rapid.Bool().Draw(rt, alias) {
					want.Facts[fact(provision.Alias, alias)] = ""
				}
			}
			for _, who := range people {
				pick(fact(provision.Open, who), "mapped", "unmapped")
				for _, right := range []provision.Aspect{provision.Read, provision.SendAs, provision.SendOnBehalf} {
					if rapid.Bool().Draw(rt, string(right)+who) {
						want.Facts[fact(right, who)] = ""
					}
				}
			}
			tn.apply(t, want)
			if t.Failed() {
				rt.Fatalf("not as wished: %v", want.Facts)
			}
			for _, who := range people {
				wish := want.Facts[fact(provision.Open, who)]
				if mapped, ok := tn.Mapped(string(support), who); ok != (wish != "") || ok && mapped != (wish == "mapped") {
					rt.Fatalf("%s: mapped %v, has access %v, wished %q", who, mapped, ok, wish)
				}
			}
		}
	})
}

// TestLostAnswers loses the answer to each changing command in turn, and does the step again as apply would.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	second := ideal(support)
	second.Facts[fact(provision.Name, "")] = "Contoso Hjælp"
	second.Facts[fact(provision.Open, "anna@contoso.com")] = "unmapped"
	for _, gone := range []provision.Fact{
		fact(provision.Open, "o.hara@contoso.com"), fact(provision.Read, "bo@contoso.com"), fact(provision.SendAs, "anna@contoso.com"),
		fact(provision.SendOnBehalf, "bo@contoso.com"), fact(provision.Alias, "help@contoso.com"), fact(provision.Reach, ""),
	} {
		delete(second.Facts, gone)
	}
	for lost := range 60 {
		tn := newTenant(t)
		wishes := [][]provision.Mailbox{{idealTenant(), ideal(support)}, {idealTenant(), second}}
		hit := false
		skip := lost
		for _, want := range wishes {
			for i, have := range tn.read(t, want...)[:2] {
				for _, s := range steps(want[i], have) {
					before := tn.endpoint.Requests()
					tn.Dial.Clear()
					tn.Dial.Add(fault.Rule{Kind: fault.Lost, Skip: max(skip, 0), Times: 1})
					if skip < 0 {
						tn.Dial.Clear()
					}
					err := tn.admin.Do(t.Context(), s)
					skip -= tn.endpoint.Requests() - before
					if err != nil {
						var later *provision.NotYet
						if !errors.As(err, &later) {
							t.Fatalf("%s %s with answer %d lost: %v, which apply would not try again", s.Verb, s.Fact.Aspect, lost, err)
						}
						hit = true
						tn.Dial.Clear()
						tn.do(t, s)
					}
				}
			}
			tn.Dial.Clear()
			tn.settled(t, want...)
		}
		if !hit {
			if lost < 30 {
				t.Fatalf("only %d answers could be lost", lost)
			}
			return
		}
	}
	t.Fatal("the steps never came to an end")
}

func TestDoingTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	want := []provision.Mailbox{idealTenant(), ideal(support)}
	for i, have := range tn.read(t, want...)[:2] {
		for _, s := range steps(want[i], have) {
			tn.do(t, s, s)
		}
	}
	tn.settled(t, want...)
	empty := []provision.Mailbox{box("", map[provision.Fact]string{fact(provision.AppPrincipal, appID): appOID}), box(support, map[provision.Fact]string{fact(provision.Existence, ""): "shared"})}
	for i, have := range tn.read(t, empty...)[:2] {
		for _, s := range steps(empty[i], have) {
			tn.do(t, s, s)
		}
	}
	tn.settled(t, empty...)
	remove := provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Delete, Fact: fact(provision.Existence, ""), Before: "shared"}
	tn.do(t, remove, remove)
	if have := tn.read(t, ideal(support)); have[0].Exists() || len(have[0].Facts) > 0 {
		t.Errorf("the deleted mailbox is read as %v", have[0].Facts)
	}
}

func TestQuotaBeyondTheLicence(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	s := provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Set, Fact: fact(provision.Quota, ""), After: fmt.Sprint(90 << 30)}
	var byHand *provision.ByHand
	if err := tn.admin.Do(t.Context(), s); !errors.As(err, &byHand) || !strings.Contains(byHand.Instruction, "Exchange Online (Plan 2)") {
		t.Errorf("said %v", err)
	}
	tn.read(t, box(support, nil))
	if m := tn.admin.Manual(s); !strings.Contains(m, "Exchange Online (Plan 2)") {
		t.Errorf("the plan says %q", m)
	}
	must(t, tn.License(string(support)))
	tn.read(t, box(support, nil))
	if m := tn.admin.Manual(s); m != "" {
		t.Errorf("with a licence the plan says %q", m)
	}
	tn.do(t, s)
}

func TestOnlyWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.apply(t, ideal(support))
	for _, aspect := range order[3:] {
		before := tn.endpoint.Requests()
		have, err := tn.admin.Read(t.Context(), []provision.Mailbox{ideal(support)}, []provision.Aspect{aspect})
		must(t, err)
		if n := tn.endpoint.Requests() - before; n > 2 {
			t.Errorf("%s: %d requests", aspect, n)
		}
		for f := range ideal(support).Facts {
			if _, ok := have[0].Facts[f]; f.Aspect == aspect && !ok {
				t.Errorf("%s %s is not read", f.Aspect, f.Subject)
			}
		}
		for f := range have[0].Facts {
			if f.Aspect != aspect && f.Aspect != provision.Existence {
				t.Errorf("asked for %s, got %s too", aspect, f.Aspect)
			}
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for mark, ok := range map[string]bool{"": true, "CustomAttribute1": true, "CustomAttribute15": true, "CustomAttribute16": false, "CustomAttribute01": false, "Notes": false} {
		if _, err := exchange.New(nil, mark); (err == nil) != ok {
			t.Errorf("%q: %v", mark, err)
		}
	}
}

// TestRequestsAreBatched: reading 500 mailboxes with six rights each stays below half a request each.
func TestRequestsAreBatched(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	var want []provision.Mailbox
	for i := range 500 {
		address := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
		must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(address)}))
		m := box(address, map[provision.Fact]string{fact(provision.Existence, ""): "shared"})
		for _, who := range []string{"anna@contoso.com", "bo@contoso.com"} {
			must(t, tn.Grant(string(address), who, "FullAccess"))
			must(t, tn.Grant(string(address), who, "SendAs"))
			m.Facts[fact(provision.Open, who)], m.Facts[fact(provision.SendAs, who)] = "", ""
		}
		want = append(want, m)
	}
	before := tn.endpoint.Requests()
	tn.settled(t, want...)
	n := tn.endpoint.Requests() - before
	t.Logf("%d requests for %d mailboxes: %.2f each", n, len(want), float64(n)/float64(len(want)))
	if n > len(want)/2 {
		t.Errorf("%d requests for %d mailboxes", n, len(want))
	}
}

// grudging refuses to show one mailbox, and says why.
type grudging struct {
	exchange.Shell
	hides, says string
}

func (g grudging) Run(ctx context.Context, commands ...exchange.Command) ([]exchange.Result, error) {
	results, err := g.Shell.Run(ctx, commands...)
	for i, c := range commands {
		if err == nil && c.Name == "Get-Mailbox" && c.Parameters["Identity"] == g.hides {
			results[i] = exchange.Result{Err: &exchange.Failure{Cmdlet: c.Name, Message: g.says}}
		}
	}
	return results, err
}

// TestOneBadMailboxHidesNoOther: one that Exchange does not show is unread, and the rest are read, be they few or many.
func TestOneBadMailboxHidesNoOther(t *testing.T) {
	t.Parallel()
	for n, says := range map[int]string{2: "An unexpected error has occurred.", 3: "The server of the tenant was not found.", 25: "An unexpected error has occurred.", 26: "The server of the tenant was not found."} {
		tn := newTenant(t)
		bad := ideal("bad@contoso.com")
		want := []provision.Mailbox{bad}
		for i := range n {
			address := inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i))
			must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(address)}))
			want = append(want, box(address, map[provision.Fact]string{fact(provision.Existence, ""): "shared"}))
		}
		tn.admin = mustAdmin(t, grudging{tn.endpoint, "bad@contoso.com", says})
		have := tn.read(t, want...)
		if why := have[0].Unread[provision.Existence]; !strings.Contains(why, says) || len(have[0].Facts) > 0 {
			t.Errorf("the bad one is read as %v, unread says %q", have[0].Facts, why)
		}
		only, err := tn.admin.Read(t.Context(), want, []provision.Aspect{provision.Open})
		must(t, err)
		if n >= 25 && only[0].Unread[provision.Open] == "" {
			t.Error("who opens the bad one is taken for nobody")
		}
		for _, m := range have[1:] {
			if !m.Exists() || len(m.Unread) > 0 {
				t.Errorf("%s is read as %v, unread %v", m.Address, m.Facts, m.Unread)
			}
		}
	}
}
