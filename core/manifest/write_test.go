package manifest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

func fact(aspect provision.Aspect, subject ...string) provision.Fact {
	return provision.Fact{Aspect: aspect, Subject: strings.Join(subject, "/")}
}

// existing draws mailboxes as an administration may find them: people in all combinations of rights, strange names, settings
// of all kinds.
func existing(t *rapid.T) (out []provision.Mailbox) {
	people := make([]string, rapid.IntRange(0, 12).Draw(t, "people"))
	names := map[inbox.Address]string{}
	for i := range people {
		people[i] = fmt.Sprintf("%s%d@contoso.com", rapid.SampledFrom([]string{"anna", "o'brien", "x_y.", "søren", "1", "yes", "a&b"}).Draw(t, "local"), i)
		names[inbox.Address(people[i])] = rapid.OneOf(rapid.SampledFrom([]string{"Anna Berg", "Berg, Anna", "Anna: Lund", `"Q" #x`, "@x", "", "\u202e", "true", "Anna Berg"}), rapid.String()).Draw(t, "name")
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "mailboxes") {
		m := provision.Mailbox{Address: inbox.MailboxID(fmt.Sprintf("box%d@contoso.com", i)), Names: names, Facts: map[provision.Fact]string{}}
		m.Provider = rapid.SampledFrom([]inbox.Provider{inbox.M365, inbox.Gmail}).Draw(t, "provider")
		maybe := func(a provision.Aspect, values ...string) {
			if v := rapid.SampledFrom(append(values, "")).Draw(t, string(a)); v != "" {
				m.Facts[fact(a)] = v
			}
		}
		m.Facts[fact(provision.Name)] = rapid.OneOf(rapid.SampledFrom([]string{"Support", "- a: b", "\n", "null", " x "}), rapid.StringN(1, 250, -1)).Draw(t, "display name")
		for j := range rapid.IntRange(0, 4).Draw(t, "aliases") {
			m.Facts[fact(provision.Alias, fmt.Sprintf("alias%d.%d@contoso.com", i, j))] = ""
		}
		maybe(provision.AddressList, "hidden", "shown")
		maybe(provision.AutoReply, "off", "on")
		if m.Provider == inbox.M365 {
			m.Facts[fact(provision.Existence)] = "shared"
			m.Facts[fact(provision.SignIn)] = rapid.SampledFrom([]string{"blocked", "allowed"}).Draw(t, "sign-in")
			maybe(provision.Language, "da-DK", "sr-Latn-RS", "en", "xx")
			maybe(provision.TimeZone, "Europe/Copenhagen", "Mars/Olympus")
			maybe(provision.FolderNames, "localised", "other")
			maybe(provision.Licence, "assigned")
			maybe(provision.Quota, "53687091200", "53150220288", "107374182400", "12345678901", "999999999999", "0")
			for _, s := range []string{"as", "on-behalf"} {
				m.Facts[fact(provision.SentCopies, s)] = rapid.SampledFrom([]string{"on", "off"}).Draw(t, "copies")
			}
		} else {
			m.Facts[fact(provision.Existence)] = "account"
			maybe(provision.Language, "da", "pt-BR")
			maybe(provision.OrgUnit, "/", "/Shared mailboxes", "/a: b/#c", "odd")
			maybe(provision.Licence, "Google-Apps/1010020027", "Google-Apps/77", "no")
			maybe(provision.Signature, "<b>x</b>", "a: \"b\"\n# c\n\td", " x", strings.Repeat("é", 9000))
		}
		for _, p := range people {
			open := rapid.SampledFrom([]string{"no", "", "mapped", "unmapped"}).Draw(t, "open")
			if open != "no" {
				if m.Provider == inbox.Gmail {
					open = ""
				}
				m.Facts[fact(provision.Open, p)] = open
			}
			for _, a := range []provision.Aspect{provision.Read, provision.SendAs, provision.SendOnBehalf} {
				if m.Provider == inbox.M365 && rapid.Bool().Draw(t, string(a)) {
					m.Facts[fact(a, p)] = ""
				}
			}
		}
		out = append(out, m)
	}
	return out
}

// remaining is what a plan would have to do for the mailboxes found, but for an automatic reply of which nothing is known.
func remaining(t interface{ Fatalf(string, ...any) }, data []byte, found []provision.Mailbox) (out []string) {
	m, err := manifest.Parse("written.yaml", data)
	if err != nil {
		t.Fatalf("what was written does not parse: %v\n%s", err, data)
	}
	var want []provision.Mailbox
	for _, w := range m.Desired() {
		if slices.ContainsFunc(found, func(f provision.Mailbox) bool { return f.Address == w.Address }) {
			want = append(want, w)
		}
	}
	if len(want) != len(found) {
		t.Fatalf("%d mailboxes of %d were written:\n%s", len(want), len(found), data)
	}
	for _, s := range provision.Make(want, found, provision.Options{AllowRemove: true}).Steps {
		_, replies := func() (string, bool) {
			for _, f := range found {
				if f.Address == s.Mailbox {
					v, ok := f.Facts[fact(provision.AutoReply)]
					return v, ok
				}
			}
			return "", false
		}()
		if s.Fact.Aspect != provision.AutoReply || replies {
			out = append(out, s.What)
		}
	}
	return out
}

// What is found, written and read again leaves nothing to do.
func TestWriteLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		found := existing(t)
		data, err := manifest.Write(found, manifest.WriteOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if left := remaining(t, data, found); len(left) > 0 {
			t.Fatalf("a plan would still %s:\n%s", strings.Join(left, "; "), data)
		}
		if lost := unsaid(t, data, found); len(lost) > 0 {
			t.Fatalf("nothing is said of %s:\n%s", strings.Join(lost, "; "), data)
		}
	})
}

// unsaid is what was found of a mailbox and is neither wished by what was written nor told in a comment there. A plan leaves
// settings alone that nobody wishes, so it does not miss them.
func unsaid(t interface{ Fatalf(string, ...any) }, data []byte, found []provision.Mailbox) (out []string) {
	m, err := manifest.Parse("written.yaml", data)
	if err != nil {
		t.Fatalf("%v", err)
	}
	told := map[provision.Aspect]string{
		provision.Name: "# its name is one", provision.Language: "# its language stays", provision.TimeZone: "# its time zone stays",
		provision.Quota: "# its quota of", provision.Signature: "# it has a signature", provision.OrgUnit: "# its organisational unit stays",
	}
	for i, wish := range m.Desired() {
		_, text, _ := strings.Cut(string(data), "\n  "+string(found[i].Address)+":\n")
		if i+1 < len(found) {
			text, _, _ = strings.Cut(text, "\n  "+string(found[i+1].Address)+":\n")
		}
		for f, v := range found[i].Facts {
			_, wished := wish.Facts[f]
			comment, may := told[f.Aspect]
			switch {
			case wished, may && strings.Contains(text, comment):
			case f.Aspect == provision.SignIn && v == "allowed", f.Aspect == provision.AutoReply && v == "on": // kept
			case f.Aspect == provision.FolderNames && (v == "other" || strings.Contains(text, told[provision.Language]) || !strings.Contains(text, "    language: ")):
			case f.Aspect == provision.Licence && v == "no": // no product and SKU
			default:
				out = append(out, fmt.Sprintf("%s %s=%.50q of %s", f.Aspect, f.Subject, v, found[i].Address))
			}
		}
	}
	return out
}
