package exchange_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

func TestWhatIsShownOfRights(t *testing.T) {
	t.Parallel()
	for _, namesOnly := range []bool{false, true} {
		t.Run(fmt.Sprint("names only ", namesOnly), func(t *testing.T) {
			t.Parallel()
			tn := newTenant(t)
			tn.NamesOnly = namesOnly
			must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support), Name: "Support"}))
			must(t, tn.AddUser(exchangesim.Recipient{Address: "left@contoso.com", Name: "Gone Person"}))
			for _, g := range [][2]string{
				{"o.hara@contoso.com", "FullAccess"}, {"o.hara@contoso.com", "SendAs"}, {"miles@contoso.com", "SendOnBehalf"},
				{"team@contoso.com", "ReadPermission"}, {"left@contoso.com", "FullAccess"}, {"left@contoso.com", "SendAs"},
			} {
				must(t, tn.Grant(string(support), g[0], g[1]))
			}
			must(t, tn.Deny(string(support), "bo@contoso.com"))
			must(t, tn.Leave("left@contoso.com"))
			// The wish names somebody by another of his addresses.
			have := tn.read(t, box(support, map[provision.Fact]string{fact(provision.Open, "miles@contoso.com"): "mapped"}))[0]
			var got []string
			sid := ""
			for f := range have.Facts {
				switch f.Aspect {
				case provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf:
					if strings.HasPrefix(f.Subject, "S-1-5-21-") {
						sid = f.Subject
						f.Subject = "SID"
					}
					got = append(got, string(f.Aspect)+" "+f.Subject)
				}
			}
			want := "open SID, open miles@contoso.com, read team@contoso.com, send-as SID, send-as miles@contoso.com, send-on-behalf miles@contoso.com"
			if g := sorted(got); g != want {
				t.Errorf("got  %s\nwant %s", g, want)
			}
			for _, a := range []provision.Aspect{provision.Open, provision.SendAs} {
				tn.do(t, provision.Step{Mailbox: support, Provider: inbox.M365, Verb: provision.Remove, Fact: fact(a, sid)})
			}
			for f := range tn.read(t, box(support, nil))[0].Facts {
				if f.Subject == sid {
					t.Errorf("%s of somebody who left is still there", f.Aspect)
				}
			}
		})
	}
}

func TestTwoPeopleOfOneName(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.NamesOnly = true
	must(t, tn.AddUser(exchangesim.Recipient{Address: "anna.b@contoso.com", Name: "Anna Berg"}))
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	must(t, tn.Grant(string(support), "anna@contoso.com", "FullAccess"))
	have := tn.read(t, box(support, map[provision.Fact]string{fact(provision.Open, "anna@contoso.com"): "mapped"}))[0]
	if why := have.Unread[provision.Open]; !strings.Contains(why, "2 recipients are called") {
		t.Errorf("unread says %q", why)
	}
}

func TestImportKnowsNames(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support), Name: "Support"}))
	must(t, tn.Grant(string(support), "anna@contoso.com", "FullAccess"))
	if name := tn.read(t, box(support, nil))[0].Names["anna@contoso.com"]; name != "Anna Berg" {
		t.Errorf("Anna is called %q", name)
	}
}

// TestANameThatIsNobodys: Exchange may list everybody where it is asked for somebody it does not have.
func TestANameThatIsNobodys(t *testing.T) {
	t.Parallel()
	answers, err := exchange.ReadAnswers(strings.NewReader(`{"format":1,"answers":[
		{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","RecipientTypeDetails":"SharedMailbox"}},
		{"cmdlet":"Get-MailboxPermission","parameters":{"Identity":"support@contoso.com"},"rows":[
			{"Identity":"support","User":"Gone@contoso.com","AccessRights":["FullAccess"]},{"Identity":"support","User":"DOMAIN\\anna","AccessRights":"FullAccess"}]},
		{"cmdlet":"Get-Recipient","parameters":{"Identity":"Gone@contoso.com"},"rows":[{"PrimarySmtpAddress":"anna@contoso.com"},{"PrimarySmtpAddress":"bo@contoso.com"}]},
		{"cmdlet":"Get-Recipient","parameters":{"Identity":"DOMAIN\\anna"},"rows":{"PrimarySmtpAddress":"anna@contoso.com"}}]}`))
	must(t, err)
	have, err := mustAdmin(t, answers).Read(t.Context(), []provision.Mailbox{ideal(support)}, []provision.Aspect{provision.Open})
	must(t, err)
	var got []string
	for f := range have[0].Facts {
		if f.Aspect == provision.Open {
			got = append(got, f.Subject)
		}
	}
	if who := sorted(got); who != "anna@contoso.com, gone@contoso.com" || len(have[0].Unread) > 0 {
		t.Errorf("open to %s, unread %v", who, have[0].Unread)
	}
}

// faulty fails a cmdlet once.
type faulty struct {
	exchange.Shell
	cmdlet string
	failed bool
}

func (f *faulty) Run(ctx context.Context, commands ...exchange.Command) ([]exchange.Result, error) {
	results, err := f.Shell.Run(ctx, commands...)
	for i, c := range commands {
		if err == nil && c.Name == f.cmdlet && !f.failed {
			f.failed = true
			results[i] = exchange.Result{Err: &exchange.Failure{Cmdlet: c.Name, Message: "An unexpected error has occurred."}}
		}
	}
	return results, err
}

// TestWhoCouldNotBeFoundOutIsAskedAgain: a passing fault does not keep the rights unread until everything is read anew.
func TestWhoCouldNotBeFoundOutIsAskedAgain(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	tn.NamesOnly = true
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(support)}))
	must(t, tn.Grant(string(support), "anna@contoso.com", "FullAccess"))
	want := box(support, map[provision.Fact]string{fact(provision.Open, "anna@contoso.com"): "mapped"})
	tn.admin = mustAdmin(t, &faulty{Shell: tn.endpoint, cmdlet: "Get-Recipient"})
	for i, unread := range []bool{true, false} {
		have, err := tn.admin.Read(t.Context(), []provision.Mailbox{want}, []provision.Aspect{provision.Open})
		must(t, err)
		if (have[0].Unread[provision.Open] != "") != unread {
			t.Errorf("reading %d: unread says %q", i+1, have[0].Unread[provision.Open])
		}
	}
}

// TestOnePersonByTwoAddresses: two mailboxes may name somebody by different addresses, and neither takes them for somebody else.
func TestOnePersonByTwoAddresses(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	first := box(support, map[provision.Fact]string{fact(provision.Open, "miles@contoso.com"): "mapped", fact(provision.Existence, ""): "shared"})
	second := box("sales@contoso.com", map[provision.Fact]string{fact(provision.Open, "u4711@contoso.com"): "mapped", fact(provision.Existence, ""): "shared"})
	for _, m := range []provision.Mailbox{first, second} {
		must(t, tn.AddMailbox(exchangesim.Recipient{Address: string(m.Address)}))
		must(t, tn.Grant(string(m.Address), "o.hara@contoso.com", "FullAccess"))
	}
	for range 2 {
		tn.settled(t, second)
		tn.settled(t, first, second)
	}
	have, err := tn.admin.Read(t.Context(), []provision.Mailbox{second}, []provision.Aspect{provision.Open})
	must(t, err)
	if subjects := subjectsOf(have[0], provision.Open); len(subjects) != 1 || subjects[0] != "u4711@contoso.com" {
		t.Errorf("open to %v", subjects)
	}
	have, err = tn.admin.Read(t.Context(), []provision.Mailbox{first}, []provision.Aspect{provision.Open})
	must(t, err)
	if subjects := subjectsOf(have[0], provision.Open); len(subjects) != 1 || subjects[0] != "miles@contoso.com" {
		t.Errorf("open to %v", subjects)
	}
}
