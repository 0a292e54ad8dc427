package provision_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

var update = flag.Bool("update", false, "write the golden files anew")

// box writes a mailbox as lines "aspect subject = value".
func box(provider inbox.Provider, address string, lines ...string) provision.Mailbox {
	m := provision.Mailbox{Address: inbox.MailboxID(address), Provider: provider, Facts: facts{}}
	for _, l := range lines {
		left, value, _ := strings.Cut(l, " = ")
		aspect, subject, _ := strings.Cut(left, " ")
		m.Facts[fact{Aspect: provision.Aspect(aspect), Subject: subject}] = value
	}
	return m
}

func m365(address string, lines ...string) provision.Mailbox {
	return box(inbox.M365, address, lines...)
}
func gmail(address string, lines ...string) provision.Mailbox {
	return box(inbox.Gmail, address, lines...)
}

// with is m with more lines; a line that begins with "-" takes a fact away.
func with(m provision.Mailbox, lines ...string) provision.Mailbox {
	m = m.Clone()
	for _, l := range lines {
		if cut, ok := strings.CutPrefix(l, "-"); ok {
			for f := range box("", "", cut).Facts {
				delete(m.Facts, f)
			}
			continue
		}
		for f, v := range box("", "", l).Facts {
			m.Facts[f] = v
		}
	}
	return m
}

func unread(m provision.Mailbox, aspect provision.Aspect, why string) provision.Mailbox {
	m = m.Clone()
	m.Unread = map[provision.Aspect]string{aspect: why}
	return m
}

var (
	support = m365("support@contoso.com", "mailbox = shared", "name = Support", "sign-in = blocked", "auto-reply = off",
		"sent-copies as = on", "sent-copies on-behalf = on", "alias help@contoso.com", "open anna@contoso.com = mapped",
		"send-as anna@contoso.com", "marker @Anna = red", "marker Closed")
	sales = m365("sales@contoso.com", "mailbox = shared", "name = Sales", "sign-in = blocked", "open bo@contoso.com = mapped", "send-as bo@contoso.com")
	jobs  = gmail("jobs@example.net", "mailbox = account", "name = Jobs", "org-unit = /Shared mailboxes", "licence = Google-Apps/1010020027",
		"auto-reply = off", "open anna@example.net", "sender jobs@example.net = default", "marker @Anna = red", "marker SLA/At risk = orange")
	tenantWish = m365("", "app-principal 11111111-1111-1111-1111-111111111111 = 22222222-2222-2222-2222-222222222222",
		"app-scope Postroom = CustomAttribute15 -eq 'Postroom'", "app-role Application Mail.ReadWrite = Postroom",
		"app-role Application MailboxSettings.ReadWrite = Postroom")
	nothing = func(m provision.Mailbox) provision.Mailbox {
		return provision.Mailbox{Address: m.Address, Provider: m.Provider}
	}
)

type boxes = []provision.Mailbox

// situations are what administrators meet. Each has a plan in testdata/plans as a table, and one in Markdown beside it.
var situations = []struct {
	name       string
	want, have boxes
	options    provision.Options
}{
	{name: "nothing to do", want: boxes{support, jobs}, have: boxes{support, jobs}},
	{name: "new mailbox m365", want: boxes{with(support, "language = da-DK", "folder-names = localised", "quota = 52613349376", "address-list = hidden")}, have: boxes{nothing(support)}},
	{name: "new mailbox gmail", want: boxes{jobs}, have: boxes{nothing(jobs)}},
	{name: "new mailbox with what only new ones get", want: boxes{func() provision.Mailbox {
		m := with(m365("new@contoso.com", "mailbox = shared", "name = New"), "marker Closed", "marker Open")
		m.AtCreation = box("", "", "timezone = Europe/Copenhagen", "marker Closed = gray").Facts
		return m
	}(), func() provision.Mailbox {
		m := with(m365("old@contoso.com", "mailbox = shared", "name = Old"), "marker Closed", "marker Open")
		m.AtCreation = box("", "", "timezone = Europe/Copenhagen", "marker Closed = gray", "marker Open = red").Facts
		return m
	}()}, have: boxes{m365("new@contoso.com"), m365("old@contoso.com", "mailbox = shared", "name = Old", "timezone = UTC", "marker Closed = blue")}},
	{name: "member added", want: boxes{with(support, "open bo@contoso.com = mapped", "send-as bo@contoso.com", "marker @Bo = blue")}, have: boxes{support}},
	{name: "member removed and held", want: boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com")}, have: boxes{support}},
	{name: "member removed", want: boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com")}, have: boxes{support}, options: provision.Options{AllowRemove: true}},
	{name: "reader becomes agent and held", want: boxes{support}, have: boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com", "read anna@contoso.com")}},
	{name: "reader becomes agent", want: boxes{support}, have: boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com", "read anna@contoso.com")}, options: provision.Options{AllowRemove: true}},
	{name: "agent becomes reader", want: boxes{with(support, "-open anna@contoso.com", "-send-as anna@contoso.com", "read anna@contoso.com")}, have: boxes{support}, options: provision.Options{AllowRemove: true}},
	{name: "answer as themselves", want: boxes{with(support, "-send-as anna@contoso.com", "send-on-behalf anna@contoso.com")}, have: boxes{support}, options: provision.Options{AllowRemove: true}},
	{name: "auto-mapping off", want: boxes{with(support, "open anna@contoso.com = unmapped")}, have: boxes{support}},
	{name: "auto-mapping unknown", want: boxes{with(support, "open anna@contoso.com = unmapped")}, have: boxes{with(support, "open anna@contoso.com")}},
	{name: "addresses in other letter case", want: boxes{support}, have: boxes{with(support, "-alias help@contoso.com", "alias Help@Contoso.com", "-open anna@contoso.com", "open Anna@Contoso.com = mapped")}},
	{name: "alias moves", want: boxes{with(sales, "alias help@contoso.com"), with(support, "-alias help@contoso.com")}, have: boxes{sales, support}, options: provision.Options{AllowRemove: true}},
	{name: "alias moves and held", want: boxes{with(sales, "alias help@contoso.com"), with(support, "-alias help@contoso.com")}, have: boxes{sales, support}},
	{name: "aliases swap", want: boxes{with(sales, "alias help@contoso.com"), with(support, "-alias help@contoso.com", "alias shop@contoso.com")}, have: boxes{with(sales, "alias shop@contoso.com"), support}, options: provision.Options{AllowRemove: true}},
	{name: "alias moves from a mailbox that is not chosen", want: boxes{with(sales, "alias help@contoso.com"), with(support, "-alias help@contoso.com")}, have: boxes{sales, support}, options: provision.Options{AllowRemove: true, Only: []inbox.MailboxID{"sales@contoso.com"}}},
	{name: "alias moves to a mailbox that is not chosen", want: boxes{with(sales, "alias help@contoso.com"), with(support, "-alias help@contoso.com")}, have: boxes{sales, support}, options: provision.Options{AllowRemove: true, Only: []inbox.MailboxID{"support@contoso.com"}}},
	{name: "alias becomes mailbox", want: boxes{with(support, "-alias help@contoso.com"), m365("help@contoso.com", "mailbox = shared", "name = Help", "open bo@contoso.com = mapped")}, have: boxes{support, m365("help@contoso.com")}, options: provision.Options{AllowRemove: true}},
	{name: "alias becomes mailbox and held", want: boxes{with(support, "-alias help@contoso.com"), m365("help@contoso.com", "mailbox = shared", "name = Help", "open bo@contoso.com = mapped")}, have: boxes{support, m365("help@contoso.com")}},
	{name: "mailbox becomes alias", want: boxes{with(support, "alias sales@contoso.com", "alias shop@contoso.com"), nothing(sales)}, have: boxes{support, with(sales, "alias shop@contoso.com")}, options: provision.Options{AllowRemove: true}},
	{name: "alias removed and held", want: boxes{with(support, "-alias help@contoso.com")}, have: boxes{support}},
	{name: "retired and kept", want: boxes{tenantWish, m365("sales@contoso.com", "mailbox = shared")}, have: boxes{tenantWish, with(sales, "reach = Postroom")}, options: provision.Options{AllowRemove: true}},
	{name: "retired and deleted", want: boxes{nothing(sales), nothing(jobs)}, have: boxes{with(sales, "alias shop@contoso.com"), jobs}, options: provision.Options{AllowRemove: true}},
	{name: "retired and held", want: boxes{nothing(sales)}, have: boxes{sales}},
	{name: "retired and gone", want: boxes{nothing(sales)}, have: boxes{nothing(sales)}},
	{name: "mark beyond the manifest", want: boxes{tenantWish, with(support, "reach = Postroom")}, have: boxes{tenantWish, with(support, "reach = Postroom"), m365("ceo@contoso.com", "reach = Postroom")}, options: provision.Options{AllowRemove: true}},
	{name: "mark beyond the manifest holds the app back", want: boxes{tenantWish, with(support, "reach = Postroom")}, have: boxes{with(tenantWish, "-app-role Application Mail.ReadWrite"), with(support, "reach = Postroom"), m365("ceo@contoso.com", "reach = Postroom")}},
	{name: "somebody else's mark", want: boxes{tenantWish, with(support, "reach = Postroom")}, have: boxes{tenantWish, with(support, "reach = Payroll")}},
	{name: "aspect unread", want: boxes{with(support, "name = Helpdesk")}, have: boxes{unread(with(support, "-alias help@contoso.com"), provision.Alias, "Exchange is busy")}},
	{name: "aspect unread in part", want: boxes{support}, have: boxes{unread(with(support, "alias old@contoso.com"), provision.Alias, "only the first page could be read")}, options: provision.Options{AllowRemove: true}},
	{name: "mark in a manifest without an app", want: boxes{support}, have: boxes{with(support, "reach = Postroom")}, options: provision.Options{AllowRemove: true}},
	{name: "group whose members are nobody's business", want: boxes{with(jobs, "group work@example.net = Work")}, have: boxes{with(jobs, "group work@example.net = Work", "group-member work@example.net/eve@example.net = OWNER")}, options: provision.Options{AllowRemove: true}},
	{name: "rights unread", want: boxes{with(support, "open bo@contoso.com = mapped", "send-as bo@contoso.com")}, have: boxes{unread(support, provision.SendAs, "Get-RecipientPermission: access is denied")}},
	{name: "existence unread", want: boxes{support}, have: boxes{unread(nothing(support), provision.Existence, "Exchange is busy")}},
	{name: "not read at all", want: boxes{support}, have: boxes{}},
	{name: "never shown by the provider", want: boxes{with(jobs, "open team@example.net")}, have: boxes{func() provision.Mailbox {
		m := jobs.Clone()
		m.Unseen = box("", "", "open team@example.net = In Gmail: Settings > Accounts > Grant access,\nand add team@example.net").Facts
		return m
	}()}},
	{name: "quota above 50 GB with a licence by hand", want: boxes{with(support, "quota = 107374182400", "licence = assigned")}, have: boxes{with(support, "quota = 53687091200", "licence")},
		options: provision.Options{Manual: func(s provision.Step) string {
			if s.Fact.Aspect == provision.Licence {
				return "Microsoft 365 admin center > Users > support@contoso.com > Licenses:\n  tick Exchange Online (Plan 2)"
			}
			return ""
		}}},
	{name: "quota above 50 GB without a licence", want: boxes{with(support, "quota = 107374182400")}, have: boxes{with(support, "quota = 53687091200")}},
	{name: "language", want: boxes{with(support, "language = da-DK", "folder-names = localised")}, have: boxes{with(support, "language = en-US", "folder-names = other")}},
	{name: "front group", want: boxes{with(jobs, "group work@example.net = Work with us", "group-setting enableCollaborativeInbox = true", "group-member work@example.net/jobs@example.net = MEMBER", "group-member work@example.net/anna@example.net = MANAGER", "sender work@example.net = default")}, have: boxes{jobs}},
	{name: "front group while rights are unread", want: boxes{with(jobs, "group work@example.net = Work with us", "group-setting whoCanPostMessage = ANYONE_CAN_POST", "group-member work@example.net/jobs@example.net = MEMBER")}, have: boxes{unread(with(jobs, "group work@example.net = Work with us", "group-setting whoCanPostMessage = ALL_MEMBERS_CAN_POST"), provision.Open, "Gmail is busy")}},
	{name: "front group that all of the organisation sees and held", want: boxes{with(jobs, "group work@example.net = Work with us", "group-setting spamModerationLevel = ALLOW", "group-setting whoCanViewGroup = ALL_MEMBERS_CAN_VIEW", "group-member work@example.net/jobs@example.net = MEMBER")}, have: boxes{with(jobs, "group work@example.net = Work with us", "group-setting spamModerationLevel = MODERATE", "group-setting whoCanViewGroup = ALL_IN_DOMAIN_CAN_VIEW", "group-member work@example.net/jobs@example.net = MEMBER")}},
	{name: "front group before its account", want: boxes{func() provision.Mailbox {
		m := with(jobs, "group work@example.net", "group-member work@example.net/jobs@example.net = MEMBER")
		m.AtCreation = box("", "", "group-setting isArchived = true", "group work@example.net = Jobs").Facts
		return m
	}()}, have: boxes{gmail("jobs@example.net", "group work@example.net = Work with us", "group-setting isArchived = false")}},
	{name: "new account that Gmail lets nobody look into", want: boxes{jobs}, have: boxes{unread(nothing(jobs), provision.Open, "Invalid email or User ID")}},
	{name: "another edition and held", want: boxes{with(jobs, "licence = Google-Apps/1010020028")}, have: boxes{jobs}},
	{name: "front group with a stranger in it", want: boxes{with(jobs, "group work@example.net = Work", "group-member work@example.net/jobs@example.net = MEMBER")}, have: boxes{with(jobs, "group work@example.net = Work", "group-member work@example.net/jobs@example.net = MEMBER", "group-member work@example.net/eve@example.net = OWNER")}, options: provision.Options{AllowRemove: true}},
	{name: "delegates beyond the cap", want: boxes{func() provision.Mailbox {
		m := jobs.Clone()
		for i := range 12 {
			m.Facts[fact{Aspect: provision.Open, Subject: fmt.Sprintf("member%02d@example.net", i)}] = ""
		}
		return m
	}()}, have: boxes{with(jobs, "open member00@example.net", "open member01@example.net", "open member02@example.net", "open member03@example.net", "open member04@example.net", "open member05@example.net", "open member06@example.net", "open member07@example.net", "open member08@example.net")}},
	{name: "hidden", want: boxes{with(support, "address-list = hidden"), with(jobs, "address-list = hidden")}, have: boxes{with(support, "address-list = shown"), with(jobs, "address-list = shown")}},
	{name: "sent copies and automatic reply off", want: boxes{with(support, "sent-copies as = off")}, have: boxes{with(support, "auto-reply = on")}},
	{name: "sign-in was allowed", want: boxes{support}, have: boxes{with(support, "sign-in = allowed")}},
	{name: "categories adopted in other colour and case", want: boxes{with(support, "marker @Anna = blue", "marker Closed = none", "marker Waiting")}, have: boxes{with(support, "marker @Anna = red", "-marker Closed", "marker closed = green", "marker Waiting = teal", "marker Holiday = red")}},
	{name: "labels keep their colour where none is wished", want: boxes{with(jobs, "marker @Anna = none", "marker SLA/At risk = red")}, have: boxes{jobs}},
	{name: "tenant for the first time", want: boxes{tenantWish, with(support, "reach = Postroom")}, have: boxes{m365(""), support}},
	{name: "scope's filter changed", want: boxes{tenantWish}, have: boxes{with(tenantWish, "app-scope Postroom = CustomAttribute1 -eq 'x'")}, options: provision.Options{AllowRemove: true}},
	{name: "role without a scope", want: boxes{tenantWish}, have: boxes{with(tenantWish, "app-role Application Mail.ReadWrite", "-app-role Application MailboxSettings.ReadWrite", "app-role Application Exchange Full Access")}, options: provision.Options{AllowRemove: true}},
	{name: "role without a scope and held", want: boxes{tenantWish}, have: boxes{with(tenantWish, "app-role Application Mail.ReadWrite", "-app-role Application MailboxSettings.ReadWrite")}},
	{name: "one mailbox alone", want: boxes{with(sales, "name = Shop"), with(support, "name = Help")}, have: boxes{sales, support}, options: provision.Options{Only: []inbox.MailboxID{"support@contoso.com"}}},
	{name: "a user's mailbox", want: boxes{support}, have: boxes{with(support, "mailbox = user")}},
	{name: "not of this provider", want: boxes{with(jobs, "quota = 1073741824")}, have: boxes{jobs}},
	{name: "signature", want: boxes{with(jobs, "signature = <p>Kind regards,<br>\nJobs</p>")}, have: boxes{with(jobs, "signature = ")}},
	{name: "everything at once", want: boxes{tenantWish, with(sales, "reach = Postroom", "alias help@contoso.com", "-open bo@contoso.com", "read bo@contoso.com", "name = Shop"),
		with(support, "reach = Postroom", "-alias help@contoso.com", "open cem@contoso.com = unmapped"), m365("new@contoso.com", "mailbox = shared", "name = New", "sign-in = blocked", "reach = Postroom", "open anna@contoso.com = mapped", "marker Closed = gray"),
		with(jobs, "-open anna@example.net", "open bo@example.net", "marker Closed = gray")},
		have: boxes{m365(""), sales, support, m365("new@contoso.com"), jobs}, options: provision.Options{AllowRemove: true}},
	{name: "hostile names", want: boxes{m365("a|b`c@contoso.com", "mailbox = shared", "name = \x1b[31m**Bold** <img src=x> | `code`\n# Heading\u202egnp.exe",
		"marker | `x` ``` [link](http://evil.example) @octocat #1 = red", "marker \u2066{it}\u2069 \u200b\x07 = blue", "open eve@contoso.com\u2028 = mapped", "signature = x")},
		have: boxes{m365("a|b`c@contoso.com")}, options: provision.Options{Manual: func(s provision.Step) string {
			if s.Fact.Aspect == provision.Open {
				return "Add-MailboxPermission `\n ``` \n```sh\nrm -rf /\x1b[2J\u202e\n```"
			}
			return ""
		}}},
}

func TestPlans(t *testing.T) {
	t.Parallel()
	made := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for _, s := range situations {
		if seen[s.name] {
			t.Fatalf("two situations are named %q", s.name)
		}
		seen[s.name] = true
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			o := s.options
			o.Made, o.Manifest = made, provision.Source{Name: "postroom.yaml", SHA256: strings.Repeat("ab", 32)}
			p := provision.Make(s.want, s.have, o)
			var out, md, colour bytes.Buffer
			if err := p.Table(&out, false); err != nil {
				t.Fatal(err)
			}
			if err := p.Markdown(&md); err != nil {
				t.Fatal(err)
			}
			if err := p.Table(&colour, true); err != nil {
				t.Fatal(err)
			}
			inertText(t, out.String())
			inertText(t, md.String())
			if plain := stripColours(colour.String()); plain != out.String() {
				t.Errorf("in colour it says something else:\n%s", plain)
			}
			name := filepath.Join("testdata", "plans", strings.ReplaceAll(strings.ReplaceAll(s.name, "'", ""), " ", "_"))
			compare(t, name+".txt", out.Bytes())
			compare(t, name+".md", md.Bytes())

			data, err := json.MarshalIndent(p, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			back, err := provision.ReadPlan(data)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(p, back) {
				t.Errorf("read back it is %+v", back)
			}
			// The order of the mailboxes in the manifest and at the provider is nobody's business.
			want, have := slices.Clone(s.want), slices.Clone(s.have)
			slices.Reverse(want)
			slices.Reverse(have)
			if other := provision.Make(want, have, o); !reflect.DeepEqual(p, other) {
				t.Errorf("with the mailboxes the other way round it is %+v", other)
			}
		})
	}
}

// inertText fails for anything that a terminal or a page would act on.
func inertText(t *testing.T, s string) {
	t.Helper()
	for _, r := range s {
		if r != '\n' && (unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)) {
			t.Errorf("%U in the output", r)
		}
	}
}

func stripColours(s string) string {
	for _, code := range []string{"0", "1", "2", "31", "32", "33", "34"} {
		s = strings.ReplaceAll(s, "\x1b["+code+"m", "")
	}
	return s
}

func compare(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; run the test with -update and look at the difference.\ngot:\n%s", golden, got)
	}
}
