package templates_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/templates"
)

var update = flag.Bool("update", false, "write the goldens anew")

// contoso begins with a mailbox of each kind.
func contoso(provider string) templates.Start {
	s := templates.Start{
		Organisation: "Contoso", Domains: []string{"contoso.com"}, Timezone: "Europe/Copenhagen", Provider: provider,
		Members: []templates.Member{{Name: "Anna Bergström", Email: "anna@contoso.com"}, {Name: "Bo Lind", Email: "bo@contoso.com"}},
	}
	for _, kind := range templates.Kinds() {
		s.Mailboxes = append(s.Mailboxes, templates.Mailbox{Kind: kind, Address: kind + "@contoso.com"})
	}
	return s
}

func TestManifestToBeginWith(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"m365", "gmail"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			got, err := templates.Manifest(contoso(provider))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := manifest.Parse("postroom.yaml", got); err != nil {
				t.Errorf("it does not parse: %v", err)
			}
			golden := filepath.Join("testdata", "start", provider+".yaml")
			if *update {
				if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("%s differs from what is written now; go test ./templates -update writes it anew:\n%s", golden, got)
			}
		})
	}
}

// proposed is a line that is a key once its # is gone.
var proposed = regexp.MustCompile(`^ *#(  )?[a-z0-9-]+:`)

// TestSuggestionsHold uncomments what the manifest proposes in comments: an admin will.
func TestSuggestionsHold(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{"m365", "gmail"} {
		s := contoso(provider)
		s.Mailboxes = s.Mailboxes[:1]
		data, err := templates.Manifest(s)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(data), "\n")
		uncommented := 0
		for i, line := range lines {
			if proposed.MatchString(line) && !strings.Contains(line, "#readers") { // the only member is an agent already
				lines[i] = strings.Replace(line, "#", "", 1)
				uncommented++
			}
		}
		if uncommented < 4 {
			t.Errorf("%s: only %d keys are proposed", provider, uncommented)
		}
		if _, err := manifest.Parse("postroom.yaml", []byte(strings.Join(lines, "\n"))); err != nil {
			t.Errorf("%s, with all proposals taken: %v", provider, err)
		}
	}
}

// TestAnyTextIsOnlyText gives names that look like YAML, or like a template.
func TestAnyTextIsOnlyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			`a"b`, "a: b", "x\nmailboxes: {}", "# not a comment", "{{.Lead}}", "- a", "'", `\`, "yes", "null", "1e3", "&a", "*a", "!!str", "%", "@", "`", "[a]", "a #b", "\u2028", "\ufeffa", "\u202e", "🚀",
		})).Draw(t, "name")
		s := contoso(rapid.SampledFrom([]string{"m365", "gmail"}).Draw(t, "provider"))
		s.Organisation = "The " + name
		s.Members = append(s.Members, templates.Member{Name: name + " Berg", Email: "c@contoso.com"}, templates.Member{Name: name, Email: "d@contoso.com"})
		data, err := templates.Manifest(s)
		if err != nil {
			t.Fatal(err)
		}
		m, err := manifest.Parse("postroom.yaml", data)
		if err != nil {
			// A name may be one that no manifest takes: too long, or without a letter. It must not be the YAML that is wrong.
			if text := err.Error(); strings.Contains(text, "unknown") || strings.Contains(text, "YAML") {
				t.Fatalf("%q: %v\n%s", name, err, data)
			}
			return
		}
		if got, want := strings.Fields(m.Organisation), strings.Fields(s.Organisation); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Fatalf("the organisation is %q, not %q", m.Organisation, s.Organisation)
		}
		if n := len(m.Mailboxes()); n != len(s.Mailboxes) {
			t.Fatalf("%d mailboxes", n)
		}
		if n := len(m.Mailboxes()[0].Policy.Members); n != len(s.Members) {
			t.Fatalf("%d members", n)
		}
	})
}

func TestStartWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*templates.Start){
		"provider": func(s *templates.Start) { s.Provider = "imap" },
		"domain":   func(s *templates.Start) { s.Domains = nil },
		"member":   func(s *templates.Start) { s.Members = nil },
		"mailbox":  func(s *templates.Start) { s.Mailboxes = nil },
		"kind":     func(s *templates.Start) { s.Mailboxes[0].Kind = "../demo" },
	} {
		s := contoso("m365")
		spoil(&s)
		if _, err := templates.Manifest(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without a good %s: %v", name, err)
		}
	}
}
