package manifest_test

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

// found is a mailbox as an administration gives it.
func found(provider inbox.Provider, address string, facts ...string) provision.Mailbox {
	m := provision.Mailbox{Address: inbox.MailboxID(address), Provider: provider, Facts: map[provision.Fact]string{}, Names: map[inbox.Address]string{
		"anna@contoso.com": "Bergström, Anna", "anna.lund@contoso.com": "Anna Lund", "carl@contoso.com": "Carl: the \"King\"", "dora@contoso.com": "Dora\nDahl",
	}}
	m.Facts[fact(provision.Existence)] = map[inbox.Provider]string{inbox.M365: "shared", inbox.Gmail: "account"}[provider]
	for i := 0; i < len(facts); i += 2 {
		aspect, subject, _ := strings.Cut(facts[i], " ")
		m.Facts[provision.Fact{Aspect: provision.Aspect(aspect), Subject: subject}] = facts[i+1]
	}
	return m
}

// office are mailboxes with what may be found in them.
func office() []provision.Mailbox {
	return []provision.Mailbox{
		found(inbox.M365, "orders@contoso.com", "name", "Contoso: Orders", "alias sale@contoso.com", "", "alias offers@contoso.com", "",
			"open anna@contoso.com", "mapped", "send-as anna@contoso.com", "", "open anna.lund@contoso.com", "mapped", "send-as anna.lund@contoso.com", "",
			"open carl@contoso.com", "unmapped", "send-as carl@contoso.com", "", "read dora@contoso.com", "",
			"open all-staff@contoso.com", "", "sign-in", "allowed", "auto-reply", "on", "sent-copies as", "on", "sent-copies on-behalf", "off",
			"language", "da-DK", "timezone", "Europe/Copenhagen", "folder-names", "localised", "quota", "53150220288", "address-list", "hidden"),
		found(inbox.M365, "board@contoso.com", "open carl@contoso.com", "unmapped", "send-on-behalf carl@contoso.com", "", "sign-in", "blocked",
			"quota", "107374182400", "language", "en", "auto-reply", "off", "sent-copies as", "off", "sent-copies on-behalf", "off"),
		found(inbox.Gmail, "hello@contoso.com", "open anna@contoso.com", "", "open board@contoso.com", "", "org-unit", "/Shared", "licence", "Google-Apps/1010020028",
			"signature", "<p>Hi \"you\"</p>", "auto-reply", "off"),
	}
}

func TestWriteGolden(t *testing.T) {
	t.Parallel()
	var told []string
	got, err := manifest.Write(office(), manifest.WriteOptions{Organisation: "Contoso: a company", Tell: func(s string) { told = append(told, s) },
		M365: manifest.M365Tenant{App: "1f2e3d4c-0000-4000-8000-0123456789ab", Scope: "Postroom", Mark: "CustomAttribute15"}})
	if err != nil {
		t.Fatal(err)
	}
	remaining(t, got, office())
	got = append(got, "# Told:\n# "+strings.Join(told, "\n# ")+"\n"...)
	compare(t, "testdata/written/orders.yaml", got)
}

const kept = `# The team.
version: 1
organisation: {name: Contoso, domains: [contoso.com], timezone: UTC}

members:
    # Anna is the lead.
    anna: {name: Anna Berg, email: Anna@contoso.com}   # since 2019
    # Nobody follows.

# The mailboxes.

mailboxes:
  support@contoso.com:
    provider: m365
    agents: [anna]
    rules:
      - then: {priority: low}
        when:
          if: |
            message.Size > 1

            and message.Subject != "#"

  # one more to come
# The end.
`

func TestInsertKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"plain":           kept,
		"no line end":     strings.TrimSuffix(kept, "\n# The end.\n"),
		"crlf":            strings.ReplaceAll(kept, "\n", "\r\n"),
		"bom":             "\xEF\xBB\xBF" + kept,
		"document end":    kept + "...\n",
		"members last":    swapped(kept),
		"keys after both": kept + "google:\n  org-unit: /Shared\n",
	} {
		got, err := manifest.Insert("old.yaml", []byte(text), office(), manifest.WriteOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if left := withoutInserted(text, string(got)); left != "" {
			t.Errorf("%s: %s\n%s", name, left, got)
		}
		if strings.Contains(text, "\r") && bytes.Count(got, []byte("\n")) != bytes.Count(got, []byte("\r\n")) {
			t.Errorf("%s: line ends are mixed:\n%q", name, got)
		}
		if left := remaining(t, got, office()); len(left) > 0 {
			t.Errorf("%s: a plan would still %s", name, strings.Join(left, "; "))
		}
		was, _ := manifest.Parse("old.yaml", []byte(text))
		is, err := manifest.Parse("new.yaml", got)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := describe(was), describe(is); !strings.HasPrefix(b, a[:strings.Index(a, "controls")-1]) {
			t.Errorf("%s: what was there has changed:\n%s\n%s", name, a, b)
		}
	}
	got, err := manifest.Insert("old.yaml", []byte(kept), office(), manifest.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "testdata/written/inserted.yaml", got)
}

// swapped has the members behind the mailboxes.
func swapped(text string) string {
	i, j := strings.Index(text, "members:"), strings.Index(text, "# The mailboxes.")
	return text[:i] + text[j:] + text[i:j]
}

// withoutInserted says which line of the old text is not in the new one in its order; "" where all are.
func withoutInserted(old, next string) string {
	lines := strings.Split(next, "\n")
	for want := range strings.SplitSeq(old, "\n") {
		for len(lines) > 0 && lines[0] != want {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			return "the line is gone: " + want
		}
		lines = lines[1:]
	}
	return ""
}

func TestInsertRefuses(t *testing.T) {
	t.Parallel()
	head := "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\n"
	for name, tt := range map[string]struct{ text, want string }{
		"no manifest":        {"version: 2\n", "is not supported"},
		"there already":      {strings.Replace(kept, "support@", "Board@", 1), "has the mailbox board@contoso.com already"},
		"members in braces":  {head + "members: {anna: {name: A, email: anna@contoso.com}}\nmailboxes:\n  a@contoso.com: {provider: gmail, agents: anna}\n", "has its members in braces"},
		"mailboxes in JSON":  {head + "members:\n  anna: {name: A, email: anna@contoso.com}\nmailboxes: {a@contoso.com: {provider: gmail, agents: anna}}\n", "has its mailboxes in braces"},
		"all in braces":      {"{version: 1, organisation: {name: C, domains: [contoso.com], timezone: UTC}, members: {anna: {name: A, email: anna@contoso.com}}, mailboxes: {a@contoso.com: {provider: gmail, agents: anna}}}", "is written in braces"},
		"an alias elsewhere": {strings.Replace(kept, "provider: m365", "provider: m365\n    aliases: [hello@contoso.com]", 1), "hello@contoso.com"},
	} {
		got, err := manifest.Insert("old.yaml", []byte(tt.text), office(), manifest.WriteOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q\n%s", name, err, tt.want, got)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	gone := found(inbox.M365, "gone@contoso.com")
	gone.Facts = nil
	user := found(inbox.M365, "user@contoso.com")
	user.Facts[fact(provision.Existence)] = "user"
	closed := found(inbox.M365, "closed@contoso.com")
	closed.Unread = map[provision.Aspect]string{provision.Open: "403"}
	twice := found(inbox.Gmail, "twice@contoso.com")
	for want, list := range map[string][]provision.Mailbox{
		"there is no mailbox gone@contoso.com":     {gone},
		"not a shared mailbox":                     {user},
		"could not be read":                        {closed},
		"is here a second time":                    {twice, twice},
		"there is no mailbox to write down":        {{Provider: inbox.M365, Facts: gone.Facts}},
		"a manifest cannot have the address \"a\"": {found(inbox.Gmail, "a")},
	} {
		if got, err := manifest.Write(list, manifest.WriteOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q\n%s", err, want, got)
		}
	}
}

// Whatever is found, what is there stays as it is.
func TestInsertAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := existing(t)
		got, err := manifest.Insert("old.yaml", []byte(kept), list, manifest.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if left := withoutInserted(kept, string(got)); left != "" {
			t.Fatalf("%s\n%s", left, got)
		}
		if left := remaining(t, got, list); len(left) > 0 {
			t.Fatalf("a plan would still %s:\n%s", strings.Join(left, "; "), got)
		}
	})
}

// A file that import wrote for a mailbox without people takes the next one.
func TestInsertBesideNobody(t *testing.T) {
	t.Parallel()
	first, err := manifest.Write([]provision.Mailbox{found(inbox.M365, "info@contoso.com")}, manifest.WriteOptions{})
	if err != nil || !strings.Contains(string(first), "members: {}\n") {
		t.Fatalf("%v\n%s", err, first)
	}
	next := []provision.Mailbox{found(inbox.M365, "press@contoso.com")}
	got, err := manifest.Insert("old.yaml", first, next, manifest.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if lost := withoutInserted(string(first), string(got)); lost != "" || !strings.Contains(string(got), "\n  press@contoso.com:\n") {
		t.Errorf("%s\n%s", lost, got)
	}
	if _, err := manifest.Insert("old.yaml", first, office(), manifest.WriteOptions{}); err == nil || !strings.Contains(err.Error(), "members in braces") {
		t.Errorf("got %v", err)
	}
}
