package manifest_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each testdata/*.yaml has a .txt beside it: the errors that people see, or what the manifest says if it is well.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no testdata", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			m, err := manifest.Parse(filepath.Base(file), data)
			if (m == nil) == (err == nil) {
				t.Fatalf("got %v and %v, want one of them", m, err)
			}
			got := describe(m)
			if err != nil {
				got = err.Error() + "\n"
			}
			compare(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(got))
		})
	}
}

func compare(t *testing.T, golden string, got []byte) {
	t.Helper()
	if *update {
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

func describe(m *manifest.Manifest) string {
	if m == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v %s\n", m.Organisation, m.Domains, m.Location)
	for _, box := range m.Mailboxes() {
		p := box.Policy
		fmt.Fprintf(&b, "\n%s %s %q\n  addresses %v, domains %v\n", p.Mailbox, box.Provider, box.Name, p.Addresses, p.Domains)
		for _, x := range p.Members {
			fmt.Fprintf(&b, "  member %s %q <%s> %s\n", x.ID, x.Name, x.Address, x.Marker)
		}
		for _, x := range p.Assign.Agents {
			fmt.Fprintf(&b, "  agent %s, skills %v, cap %d, away %v\n", x.ID, x.Skills, x.Cap, x.Away)
		}
		for _, x := range p.Assign.Leads {
			fmt.Fprintf(&b, "  lead %s\n", x.ID)
		}
		for _, x := range box.Readers {
			fmt.Fprintf(&b, "  reader %s\n", x.ID)
		}
		fmt.Fprintf(&b, "  assign %s, cap %d, sticky %v\n", p.Assign.Strategy, p.Assign.Cap, p.Assign.Sticky)
		for _, x := range p.Tags {
			fmt.Fprintf(&b, "  tag %s shown as %s\n", x.Name, x.Marker)
		}
		for _, x := range box.Styles {
			fmt.Fprintf(&b, "  %s is %s\n", x.Marker, x.Color)
		}
		fmt.Fprintf(&b, "  waiting %q, closed %q, closed by %q, backlog %s, folders %q, rules need %+v\n",
			p.Markers.Waiting, p.Markers.Closed, p.CloseBy, p.Backlog, box.Folders, p.Rules.Needs())
	}
	fmt.Fprintf(&b, "\ncontrols %v\n", m.Controls())
	for _, wish := range m.Desired() {
		fmt.Fprintf(&b, "\nwish %s %q\n", wish.Provider, wish.Address)
		for _, list := range []struct {
			what  string
			facts map[provision.Fact]string
		}{{"", wish.Facts}, {"new ", wish.AtCreation}} {
			var lines []string
			for f, v := range list.facts {
				lines = append(lines, fmt.Sprintf("  %s%s %s= %q\n", list.what, f.Aspect, strings.TrimPrefix(f.Subject+" ", " "), v))
			}
			slices.Sort(lines)
			b.WriteString(strings.Join(lines, ""))
		}
	}
	return b.String()
}

func TestErrorFields(t *testing.T) {
	t.Parallel()
	_, err := manifest.Parse("team.yaml", []byte("version: 1\norganisation: {name: Contoso, domain: [contoso.com], timezone: UTC}\n"))
	var one *manifest.Error
	if !errors.As(err, &one) {
		t.Fatalf("%v holds no *Error", err)
	}
	want := manifest.Error{File: "team.yaml", Line: 1, Column: 1, Source: "version: 1", Text: `the key "members" is missing`}
	one.Fix = ""
	if *one != want {
		t.Errorf("first error is %+v, want %+v", *one, want)
	}
	var all *manifest.Errors
	if !errors.As(err, &all) || len(all.List) != 4 || all.List[3].Column != 31 || all.List[3].Fix != `did you mean "domains"?` {
		t.Errorf("got %v", err)
	}
}

func TestAllErrorsAtOnceUpToTwenty(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := manifest.Parse("x", []byte(b.String()))
	var all *manifest.Errors
	if !errors.As(err, &all) || len(all.List) != 20 || all.More != 44 || !strings.HasSuffix(err.Error(), "and 44 more") {
		t.Errorf("got %v", err)
	}
}

func TestHostileFiles(t *testing.T) {
	t.Parallel()
	for name, data := range map[string]string{
		"large":         strings.Repeat("# x\n", 1<<19),
		"long line":     "version: [" + strings.Repeat("1,", 3000) + "]",
		"deep flow":     strings.Repeat("[\n", 100_000),
		"deep mapping":  "a: " + strings.Repeat("{a:\n", 1000),
		"deep block":    strings.Repeat("- ", 1900),
		"bomb":          "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
		"merge":         "a: &a {b: 1}\nc:\n  <<: *a\n",
		"tag":           "version: !!binary aGk=\n",
		"directive":     "%YAML 1.1\n---\nversion: 1\n",
		"documents":     "version: 1\n---\nversion: 1\n",
		"not UTF-8":     "version: 1\nname: \xff\n",
		"NUL":           "version: 1\x00\n",
		"empty":         "",
		"comment":       "# nothing\n",
		"null":          "~",
		"list":          "- version: 1\n",
		"text":          "hello",
		"key is a list": "[a, b]: 1\n",
		"many keys":     "a:\n" + strings.Repeat("  k: 1\n", 3000),
		"explicit keys": strings.Repeat("? a\n", 200_000),
		"key is null":   "~: 1\n? \n",
		"many skills": "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\nmembers:\n  one:\n    name: One\n    email: one@contoso.com\n    skills:\n" +
			numbered("      - skill%d\n", 101) + "mailboxes:\n  a@contoso.com: {provider: gmail, agents: [one]}\n",
		"many absences": "version: 1\norganisation: {name: C, domains: [contoso.com], timezone: UTC}\nmembers:\n  one:\n    name: One\n    email: one@contoso.com\n    away:\n" +
			numbered("      - {from: 2026-01-01, until: 2026-01-02} # %d\n", 101) + "mailboxes:\n  a@contoso.com: {provider: gmail, agents: [one]}\n",
	} {
		m, err := manifest.Parse("x.yaml", []byte(data))
		var all *manifest.Errors
		if m != nil || !errors.As(err, &all) {
			t.Errorf("%s: got %v and %v, want an *Errors", name, m, err)
			continue
		}
		if e := all.List[0]; e.Line < 1 || e.Column < 1 || e.Text == "" {
			t.Errorf("%s: %+v", name, *e)
		}
	}
}

// numbered is format with each number below n.
func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
