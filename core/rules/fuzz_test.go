package rules_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// one compiles a single rule, nil where it does not compile.
func one(w rules.When) *rules.Set {
	set, _ := rules.Compile([]rules.Rule{{Name: "r", When: w}})
	return set
}

func FuzzMatch(f *testing.F) {
	set, err := rules.Compile([]rules.Rule{
		{Name: "texts", When: rules.When{Subject: like("refund", "*a*b*c*"), Body: unlike("money back", "x*y*z")}},
		{Name: "people", When: rules.When{From: like("*@*.com", "contoso.com"), To: unlike("sales@*"), Cc: unlike("*x*x*x*x*x*y")}},
		{Name: "parts", When: rules.When{Attachment: like("*.pdf", "image/*"), Header: []rules.Header{{Name: "Delivered-To", Condition: like("*a*a*")}}}},
		{Name: "if", When: rules.When{If: `fold(message.Subject) contains "a" or message.Body matches "^(a|b)*c" or message.To[3].Domain == "x"
			or any(message.Attachments, .Name endsWith ".exe") or message.Header("delivered-to") != ""`}},
		{Name: "all"},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Refund", "money\nback", "bob@contoso.com", "a.pdf", "a@contoso.com, <b@contoso.com>")
	f.Add("\xff\u202e", strings.Repeat("x", 200), "@", "\u0301", ",,,<")
	f.Fuzz(func(t *testing.T, subject, body, address, file, header string) {
		a := inbox.Address(address)
		hits, _ := set.Try(inbox.Message{Subject: subject, Body: body, From: inbox.Person{Address: a}, To: people(a, a), Cc: people(a),
			Attachments: []inbox.Attachment{{Name: file, Type: file}}, Header: []inbox.Field{{Name: "Delivered-To", Value: header}}})
		if len(hits) == 0 || hits[len(hits)-1].Rule != "all" {
			t.Fatalf("the rule without conditions is not among %v", hits)
		}
		for _, h := range hits {
			if len(h.Why) == 0 {
				t.Errorf("rule %q does not say why", h.Rule)
			}
			for _, w := range h.Why {
				if len(w) > 1000 || !utf8.ValidString(w) || strings.ContainsAny(w, "\n\r\x00") {
					t.Errorf("the reason %q is not fit to be shown", w)
				}
			}
		}
	})
}

// A glob means what the regular expression with .* for each star means.
func FuzzGlob(f *testing.F) {
	f.Add("a*b*c", "abbc")
	f.Add("*aa*aa", "aaa")
	f.Add(`\**`, "*x")
	f.Fuzz(func(t *testing.T, glob, text string) {
		glob, text = rules.Fold(glob), rules.Fold(text)
		set := one(rules.When{Subject: like(glob)})
		if set == nil || text == "" || strings.Contains(glob, "\uE000") {
			t.Skip()
		}
		expression := strings.ReplaceAll(regexp.QuoteMeta(strings.ReplaceAll(glob, `\*`, "\uE000")), `\*`, "(?s:.*)")
		if strings.Contains(expression, "(?s:.*)") {
			expression = "^" + expression + "$"
		}
		want := regexp.MustCompile(strings.ReplaceAll(expression, "\uE000", `\*`)).MatchString(text)
		if got := set.Match(inbox.Message{Subject: text}) != nil; got != want {
			t.Errorf("%q matches %q: %v, want %v", glob, text, got, want)
		}
	})
}

// What Unreachable says is certain: no message reaches the later rule.
func FuzzUnreachable(f *testing.F) {
	f.Add("a", "ba", "bar", "x")
	f.Add("a*b", "a*c*b", "acb", "")
	f.Add("*", "money back", "money\nback", "mo")
	f.Fuzz(func(t *testing.T, first, second, text, excluded string) {
		m := inbox.Message{Subject: text, Body: text, From: inbox.Person{Address: inbox.NewAddress(text)}, Size: int64(len(text)),
			Attachments: []inbox.Attachment{{Name: text, Type: text}}}
		for _, conditions := range []func(rules.Condition) rules.When{
			func(c rules.Condition) rules.When { return rules.When{Subject: c} },
			func(c rules.Condition) rules.When { return rules.When{Body: c} },
			func(c rules.Condition) rules.When { return rules.When{From: c} },
			func(c rules.Condition) rules.When { return rules.When{Attachment: c} },
			func(c rules.Condition) rules.When { return rules.When{Size: c} },
		} {
			a, b := rules.Condition{Any: []string{first}}, rules.Condition{Any: []string{second}}
			if excluded != "" {
				b.Not = []string{excluded}
			}
			list := []rules.Rule{{Name: "first", When: conditions(a), Then: rules.Then{Stop: true}}, {Name: "second", When: conditions(b)}}
			set, err := rules.Compile(list)
			if err != nil {
				continue
			}
			for _, found := range rules.Unreachable(list) {
				for _, hit := range set.Match(m) {
					if hit.Rule == list[found.Rule].Name {
						t.Errorf("%+v: %q was found unreachable (%s) and matches %q", list, hit.Rule, found.Text, text)
					}
				}
			}
		}
	})
}

func FuzzExpression(f *testing.F) {
	for _, s := range []string{`message.From.Domain in ["a.com"]`, `any(message.To, .Domain == "x")`, `message.Header("x") matches "a+"`,
		`let m = message; m.Size > 1 ? true : false`, `len(filter(message.Cc, # != nil)) > 1`, `message.Subject[1:2] == "x"`, `int(message.Subject) > 1`,
		`message.Cc | count(.Name == "") > 0`, `not (message?.Body contains "x")`, `split(message.Body, "")[5] == {"a": 1}["b"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if set := one(rules.When{If: source}); set != nil {
			_, trouble := set.Try(letter)
			for _, tr := range trouble {
				if tr.Text == "" || !utf8.ValidString(tr.Text) {
					t.Errorf("%q: trouble without words", source)
				}
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	list := make([]rules.Rule, 50)
	for i := range list {
		list[i] = rules.Rule{Name: "r", When: rules.When{Subject: like("refund", "money back", "refundering"), From: unlike("*@contoso.com")}}
	}
	list[49] = rules.Rule{Name: "if", When: rules.When{If: `message.From.Domain in ["fabrikam.com", "adatum.com"]`}}
	set, err := rules.Compile(list)
	if err != nil {
		b.Fatal(err)
	}
	m := letter
	m.Subject = "Spørgsmål om faktura 2041"
	b.ReportAllocs()
	for b.Loop() {
		set.Match(m)
	}
}
