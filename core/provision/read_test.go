package provision_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// everything is a plan with something of all that there can be in one.
func everything(t testing.TB, allow bool) provision.Plan {
	t.Helper()
	for _, s := range situations {
		if s.name == "everything at once" {
			o := s.options
			o.AllowRemove, o.Made, o.Manifest.Name = allow, time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), "postroom.yaml"
			s.want, s.have = slices.Clone(s.want), slices.Clone(s.have)
			s.have[1] = unread(s.have[1], provision.Name, "not now")
			s.have[1].Unseen = facts{{Aspect: provision.Read, Subject: "bo@contoso.com"}: "look"}
			s.want = append(s.want, m365("gone@contoso.com"))
			s.have = append(s.have, m365("gone@contoso.com", "mailbox = shared", "alias was@contoso.com", "reach = Postroom"))
			return provision.Make(s.want, s.have, o)
		}
	}
	t.Fatal("no such situation")
	return provision.Plan{}
}

func TestReadPlanRefuses(t *testing.T) {
	t.Parallel()
	base := provision.Make(boxes{with(support, "-alias help@contoso.com", "open bo@contoso.com = mapped")}, boxes{support}, provision.Options{AllowRemove: true})
	edit := func(change func(p *provision.Plan)) string {
		data, err := json.Marshal(base)
		if err != nil {
			t.Fatal(err)
		}
		var p provision.Plan
		if err := json.Unmarshal(data, &p); err != nil {
			t.Fatal(err)
		}
		change(&p)
		if data, err = json.Marshal(p); err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	text := func(old, new string) string {
		s := edit(func(*provision.Plan) {})
		if !strings.Contains(s, old) {
			t.Fatalf("no %s in %s", old, s)
		}
		return strings.Replace(s, old, new, 1)
	}
	if _, err := provision.ReadPlan([]byte(text(`{`, " {\n"))); err != nil {
		t.Fatalf("the plan itself: %v", err)
	}
	for _, tt := range []struct{ name, plan, says string }{
		{"empty", "", "EOF"},
		{"no plan", "[]", "array"},
		{"null", "null", "format is 0"},
		{"two plans", text("{", "{") + "{}", "something follows"},
		{"of another time", edit(func(p *provision.Plan) { p.Format = 2 }), "format is 2"},
		{"unknown field", text(`"steps"`, `"run":"rm -rf /","steps"`), "unknown field"},
		{"a key twice", text(`"verb":"remove"`, `"verb":"add","verb":"remove"`), "twice"},
		{"a key twice in other letter case", text(`"verb":"remove"`, `"Verb":"add","verb":"remove"`), "twice"},
		{"not in UTF-8", text("help@", "\xff\xfe@"), "UTF-8"},
		{"nested", strings.Repeat("[", 1000), "nested"},
		{"unknown verb", edit(func(p *provision.Plan) { p.Steps[0].Verb = "destroy" }), "nobody can"},
		{"verb of another aspect", edit(func(p *provision.Plan) { p.Steps[0].Verb = provision.Delete }), "nobody can"},
		{"unknown aspect", edit(func(p *provision.Plan) { p.Steps[0].Fact.Aspect = "root" }), "no aspect"},
		{"unknown provider", edit(func(p *provision.Plan) { p.Steps[0].Provider = "imap" }), "no aspect"},
		{"aspect of a mailbox in the tenant", edit(func(p *provision.Plan) { p.Steps[0].Mailbox = "" }), "not an aspect of the tenant"},
		{"mailbox in upper case", edit(func(p *provision.Plan) { p.Steps[0].Mailbox = "Support@contoso.com" }), "no mailbox"},
		{"other ID", edit(func(p *provision.Plan) { p.Steps[0].ID = "x" }), "edited"},
		{"other person", edit(func(p *provision.Plan) { p.Steps[1].Fact.Subject = "eve@contoso.com" }), "edited"},
		{"other words", edit(func(p *provision.Plan) { p.Steps[0].What = "add a category" }), "edited"},
		{"other reason", edit(func(p *provision.Plan) { p.Steps[0].Why = "the boss" }), "edited"},
		{"other undo", edit(func(p *provision.Plan) { p.Steps[0].Undo = "easy" }), "edited"},
		{"other delay", edit(func(p *provision.Plan) { p.Steps[0].Delay = time.Second }), "edited"},
		{"a removal that takes nothing", edit(func(p *provision.Plan) { p.Steps[0].Takes = false }), "edited"},
		{"a removal in a plan that allows none", edit(func(p *provision.Plan) { p.AllowRemove = false }), "does not allow"},
		{"a removal that takes nothing in a plan that allows none", edit(func(p *provision.Plan) { p.AllowRemove, p.Steps[0].Takes = false, false }), "edited"},
		{"a removal given out as a move", edit(func(p *provision.Plan) {
			p.Steps[0].With = []provision.Value{{Fact: p.Steps[0].Fact, Value: "eve@contoso.com"}}
		}), "edited"},
		{"a step twice", edit(func(p *provision.Plan) { p.Steps = append(p.Steps, p.Steps[1]) }), "twice"},
		{"a step that is held back too", edit(func(p *provision.Plan) { p.Held = []provision.Held{{Step: p.Steps[1], Why: "x"}} }), "twice"},
		{"out of order", edit(func(p *provision.Plan) { p.Steps[0], p.Steps[1] = p.Steps[1], p.Steps[0] }), "out of order"},
		{"held back without a reason", edit(func(p *provision.Plan) { p.Held, p.Steps = []provision.Held{{Step: p.Steps[1]}}, p.Steps[:1] }), "without a reason"},
		{"not one of its mailboxes", edit(func(p *provision.Plan) { p.Only = []inbox.MailboxID{"sales@contoso.com"} }), "not among"},
		{"mailboxes out of order", edit(func(p *provision.Plan) { p.Only = []inbox.MailboxID{"support@contoso.com", "a@contoso.com"} }), "out of order"},
		{"an endless value", edit(func(p *provision.Plan) { p.Steps[0].Before = strings.Repeat("x", 1<<20) }), "too long"},
		{"unread of nothing", edit(func(p *provision.Plan) {
			p.Unread = []provision.Unread{{Provider: inbox.M365, Aspect: "soul", Why: "x"}}
		}), "no aspect"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := provision.ReadPlan([]byte(tt.plan))
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want something about %q", err, tt.says)
			}
			if !reflect.DeepEqual(p, provision.Plan{}) {
				t.Error("it came back all the same")
			}
			inertText(t, err.Error())
		})
	}
}

func TestReadPlanReadsEverything(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{false, true} {
		p := everything(t, allow)
		if len(p.Steps) == 0 || len(p.Unread) == 0 || len(p.Unseen) == 0 || allow == (len(p.Held) > 0) {
			t.Fatalf("the plan lacks something: %+v", p)
		}
		data, err := json.MarshalIndent(p, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		back, err := provision.ReadPlan(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, back) {
			t.Errorf("it came back as\n%+v\nand was\n%+v", back, p)
		}
	}
}

// FuzzReadPlan: whatever is read back means the same when it is written and read again, and takes nothing away that it does
// not own up to.
func FuzzReadPlan(f *testing.F) {
	for _, s := range situations {
		if data, err := json.Marshal(provision.Make(s.want, s.have, s.options)); err != nil {
			f.Fatal(err)
		} else if len(data) < 2500 {
			f.Add(data)
		}
	}
	f.Add([]byte(`{"format":1,"manifest":{},"made":"2026-11-22T09:00:00Z","steps":[]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := provision.ReadPlan(data)
		if err != nil {
			return
		}
		for _, s := range p.Steps {
			takes := s.Verb == provision.Remove || s.Verb == provision.Delete
			if takes && (!s.Takes || !p.AllowRemove) {
				t.Fatalf("%s is let through", s.What)
			}
		}
		var table, md strings.Builder
		if err := p.Table(&table, false); err != nil {
			t.Fatal(err)
		}
		inertText(t, table.String())
		if err := p.Markdown(&md); err != nil {
			t.Fatal(err)
		}
		inertText(t, md.String())
		again, err := json.Marshal(p)
		if err != nil {
			t.Skip(err) // a year that RFC 3339 has no digits for
		}
		back, err := provision.ReadPlan(again)
		if err != nil {
			t.Fatal(err)
		}
		third, err := json.Marshal(back)
		if err != nil || string(third) != string(again) {
			t.Fatalf("%s became %s (%v)", again, third, err)
		}
	})
}
