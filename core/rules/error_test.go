package rules_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/rules"
)

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		when rules.When
		want string // part of the error
	}{
		{rules.When{From: like("billing")}, `neither an address nor a domain; write bob@contoso.com, contoso.com, or a pattern such as "billing@*"`},
		{rules.When{From: like("Bob <bob@contoso.com>")}, "this is not an address"},
		{rules.When{Subject: like("")}, "the pattern is empty"},
		{rules.When{Subject: like(" \u0301 ")}, "the pattern is empty"},
		{rules.When{Body: like(strings.Repeat("x", 501))}, "too long"},
		{rules.When{Body: like(make([]string, 201)...)}, "201 patterns are too many"},
		{rules.When{Size: like("5MB")}, "not a size to compare with"},
		{rules.When{Size: unlike("> lots")}, "not a size to compare with"},
		{rules.When{Size: like("> 0x10")}, "not a size to compare with"},
		{rules.When{Size: like("> 1e99 GB")}, "not a size to compare with"},
		{rules.When{Size: like("> -5MB")}, "not a size to compare with"},
		{rules.When{Header: []rules.Header{{"List-Id:", like("x")}}}, "not the name of a header field"},
		{rules.When{Header: []rules.Header{{"List-Id", like("")}}}, `header List-Id: the pattern is empty`},
		{rules.When{If: `message.From.Domian == "x"`}, `if (1:14): a person has no field Domian`},
		{rules.When{If: `mesage.Size > 1`}, "if (1:1): unknown name mesage"},
		{rules.When{If: `message.Size`}, "expected bool, but got int"},
		{rules.When{If: "message.Size > 1 and\n  message.Subject >"}, "if (2:"},
		{rules.When{If: `message.Size > "1"`}, "invalid operation"},
		{rules.When{If: `message.Subject matches message.Body`}, "needs a constant regular expression"},
		{rules.When{If: `message.Subject matches "("`}, "missing closing )"},
		{rules.When{If: `message.Subject matches "((a{30}){30})"`}, "regular expression is too large"},
		{rules.When{If: `now().Year() > 2000`}, "the function now is not available"},
		{rules.When{If: `toJSON(message) != ""`}, "the function toJSON is not available"},
		{rules.When{If: `len(repeat("x", 1000000000)) > 1`}, "the function repeat is not available"},
		{rules.When{If: `any(1..1000000000, # > 5)`}, "ranges are not available"},
		{rules.When{If: `any(message.To, any(message.Cc, .Domain == ""))`}, "any inside another"},
		{rules.When{If: `$env["message"].Size > 1`}, "$env is not available"},
		{rules.When{If: strings.Repeat("(", 1500)}, "if ("},
		{rules.When{If: strings.Repeat("x", 2001)}, "the expression is too long"},
		{rules.When{If: "true" + strings.Repeat(" and true", 200)}, "too large"},
	} {
		_, err := rules.Compile([]rules.Rule{{Name: "well"}, {Name: "r", When: tt.when}})
		var errs rules.Errors
		if !errors.As(err, &errs) || errs[0].Rule != 1 || errs[0].Name != "r" {
			t.Errorf("%+v compiles to %v, want an error of rule 1", tt.when, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: error %q, want one with %q", tt.when, err, tt.want)
		}
	}
}

func TestCompileTellsEverything(t *testing.T) {
	t.Parallel()
	_, err := rules.Compile([]rules.Rule{
		{Name: "a", When: rules.When{From: like("x", "y"), If: "("}},
		{Name: "b", When: rules.When{Size: like("z")}},
	})
	var errs rules.Errors
	if !errors.As(err, &errs) || len(errs) != 4 {
		t.Errorf("got %v, want four errors", err)
	}
	if _, err := rules.Compile(make([]rules.Rule, rules.MaxRules+1)); err == nil {
		t.Error("too many rules compile")
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	stop := rules.Then{Stop: true}
	when := func(w rules.When) rules.Rule { return rules.Rule{Name: "later", When: w} }
	stops := func(w rules.When) rules.Rule { return rules.Rule{Name: "earlier", When: w, Then: stop} }
	for _, tt := range []struct {
		list []rules.Rule
		want string // "rule by"; empty: all are reachable
	}{
		{[]rules.Rule{{Name: "all"}, when(rules.When{})}, ""},
		{[]rules.Rule{stops(rules.When{}), when(rules.When{})}, "1 0"},
		{[]rules.Rule{stops(rules.When{}), when(rules.When{Subject: like("x")}), when(rules.When{})}, "1 0, 2 0"},
		{[]rules.Rule{stops(rules.When{Subject: like("refund")}), when(rules.When{Subject: like("REFUND")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Subject: like("refund")}), when(rules.When{Subject: like("refunding", "no refund")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Subject: like("refund")}), when(rules.When{Subject: like("refund", "money")})}, ""},
		{[]rules.Rule{stops(rules.When{Subject: like("refunds")}), when(rules.When{Subject: like("refund")})}, ""},
		{[]rules.Rule{stops(rules.When{Subject: like("refund")}), when(rules.When{Body: like("refund")})}, ""},
		{[]rules.Rule{stops(rules.When{Subject: like("refund")}), when(rules.When{Subject: like("*refund*now*")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Subject: like("a*c")}), when(rules.When{Subject: like("ab*bc")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Subject: like("ab*bc")}), when(rules.When{Subject: like("a*c")})}, ""},
		{[]rules.Rule{stops(rules.When{From: like("contoso.com")}), when(rules.When{From: like("bob@contoso.com"), Subject: like("x")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{From: like("*.contoso.com")}), when(rules.When{From: like("bob@contoso.com")})}, ""},
		{[]rules.Rule{stops(rules.When{From: unlike("a@contoso.com")}), when(rules.When{From: unlike("contoso.com")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{From: unlike("contoso.com")}), when(rules.When{From: unlike("a@contoso.com")})}, ""},
		{[]rules.Rule{stops(rules.When{Size: like("> 1MB")}), when(rules.When{Size: like("> 5MB")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Size: like("> 5MB")}), when(rules.When{Size: like("> 1MB")})}, ""},
		{[]rules.Rule{stops(rules.When{Size: like("< 1MB", "> 2MB")}), when(rules.When{Size: like("> 1MB")})}, ""},
		{[]rules.Rule{stops(rules.When{Size: like("< 2MB", ">= 2MB")}), when(rules.When{Size: like("> 1MB")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{If: "message.Size > 1"}), when(rules.When{If: " message.Size > 1", Subject: like("x")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{If: "message.Size > 1"}), when(rules.When{If: "message.Size > 2"})}, ""},
		{[]rules.Rule{stops(rules.When{Attachment: like("*")}), when(rules.When{Attachment: like("image/*")})}, ""},
		{[]rules.Rule{stops(rules.When{Attachment: like("*.pdf")}), when(rules.When{Attachment: like("a.pdf", ".PDF")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Header: []rules.Header{{"X-A", like("1")}}}), when(rules.When{Header: []rules.Header{{"x-a", like("1")}, {"X-B", like("1")}}})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Header: []rules.Header{{"X-A", like("1")}}}), when(rules.When{Header: []rules.Header{{"X-B", like("1")}}})}, ""},
		{[]rules.Rule{stops(rules.When{Body: like("*money*back*")}), when(rules.When{Body: like("money back")})}, ""},
		{[]rules.Rule{stops(rules.When{Body: like("*money*")}), when(rules.When{Body: like("money")})}, "1 0"},
		{[]rules.Rule{stops(rules.When{Subject: like(`a\*b`)}), when(rules.When{Subject: like("a*b")})}, ""},
		{[]rules.Rule{when(rules.When{Size: rules.Condition{Any: []string{"> 5MB"}, Not: []string{"> 1MB"}}})}, "0 -1"},
		{[]rules.Rule{when(rules.When{Size: like("< 0B")})}, "0 -1"},
		{[]rules.Rule{when(rules.When{Size: rules.Condition{Any: []string{"> 5MB"}, Not: []string{"> 6MB"}}})}, ""},
		{[]rules.Rule{when(rules.When{From: rules.Condition{Any: []string{"bob@contoso.com"}, Not: []string{"*@contoso.com"}}})}, "0 -1"},
		{[]rules.Rule{when(rules.When{From: rules.Condition{Any: []string{"bob@contoso.com", "adatum.com"}, Not: []string{"*@contoso.com"}}})}, ""},
		{[]rules.Rule{stops(rules.When{From: like("nonsense")}), when(rules.When{From: like("nonsense")})}, ""}, // Compile tells
	} {
		var got []string
		for _, f := range rules.Unreachable(tt.list) {
			got = append(got, fmt.Sprint(f.Rule, f.By))
			if f.Text == "" {
				t.Errorf("%+v: no reason", tt.list)
			}
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("%+v: unreachable %q, want %q", tt.list, s, tt.want)
		}
	}
}
