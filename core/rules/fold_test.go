package rules_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/rules"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"Refund", "refund"},
		{"  money\r\n\t back ", "money back"},
		{"Straße", "strasse"},
		{"KØBENHAVN på Ærø", "kobenhavn pa aero"},
		{"Zażółć gęślą jaźń", "zazolc gesla jazn"},
		{"İstanbul ılık", "istanbul ilik"},
		{"ΣΊΣΥΦΟΣ", "σισυφοσ"},
		{"résumé", "resume"}, // decomposed
		{"ｆｕｌｌ　ｗｉｄｔｈ", "full width"},
		{"ﬁne", "fine"},
		{"re\u00adfund\u200b\u200d", "refund"},     // soft hyphen, zero-width characters
		{"\u202erefund\u202c", "refund"},           // direction overrides
		{"اِسْتِرْدَاد", "استرداد"},                // vowel signs
		{"أسترداد", "استرداد"},                     // hamza
		{"اســـترداد", "استرداد"},                  // stretched
		{"שָׁלוֹם", "שלום"},                        // points
		{"が", "が"},                                 // voicing is a letter
		{"ｶﾞ", "ガ"},                                // half-width katakana
		{"한국어", "한국어"},                             // composed again
		{"हिन्दी", "हिन्दी"},                       // vowel signs of Indic scripts are letters
		{"ก็", "ก็"},                               //
		{"e" + strings.Repeat("\u0301", 500), "e"}, // more accents than anybody needs
		{"a\xffb", "ab"},                           // not UTF-8
		{"\u0301", ""},                             // an accent on nothing
		{"Ł", "l"}, {"đ", "d"}, {"Þór", "thor"}, {"œuvre", "oeuvre"}, {"", ""},
	} {
		if got := rules.Fold(tt.in); got != tt.want {
			t.Errorf("Fold(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"Refund", "Straße", "\u0301", "が ｶﾞ", "اِسْتِرْدَاد", "\xff\xfe", "\u034f\u0301", "İ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := rules.Fold(s)
		if !utf8.ValidString(out) {
			t.Errorf("Fold(%q) = %q is not UTF-8", s, out)
		}
		if again := rules.Fold(out); again != out {
			t.Errorf("Fold(%q) = %q, but folded once more it is %q", s, out, again)
		}
		if len(out) > 0 && (out[0] == ' ' || out[len(out)-1] == ' ' || strings.Contains(out, "  ")) {
			t.Errorf("Fold(%q) = %q has spaces to spare", s, out)
		}
	})
}
