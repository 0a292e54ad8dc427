package main

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestNeutral(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want string }{
		{"plain · text", "plain · text"},
		{"a\tb\r\nc", "a b  c"},
		{"\x1b[2J\x07\x00\u0085", "\ufffd[2J\ufffd\ufffd\ufffd"},
		{"\u202etxt.exe\u202c\u2066\u2069\u200e\u061c", "\ufffdtxt.exe\ufffd\ufffd\ufffd\ufffd\ufffd"},
		{"e\u0301\u0301\u0301\u0301\u0301", "e\u0301\u0301\u0301"},
		{"می\u200cخواهم", "می\u200cخواهم"},
		{"\ufeff\u2028\ue000\U000e0041", "\ufffd\ufffd\ufffd\ufffd"},
		{"\xff\xfe", "\ufffd\ufffd"},
	} {
		if got := neutral(test.in); got != test.want {
			t.Errorf("neutral(%q) = %q, want %q", test.in, got, test.want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   string
		n    int
		want string
	}{
		{"short", 5, "short"},
		{"longer", 5, "long…"},
		{"two words", 5, "two…"},
		{"蒸気が出ません", 14, "蒸気が出ません"},
		{"蒸気が出ません", 8, "蒸気が…"},
		{"蒸気", 1, "…"},
		{"e\u0301e\u0301e\u0301", 2, "e\u0301…"},
	} {
		got := cut(test.in, test.n)
		if got != test.want || cells(got) > test.n {
			t.Errorf("cut(%q, %d) = %q of %d columns, want %q", test.in, test.n, got, cells(got), test.want)
		}
	}
}

func FuzzShown(f *testing.F) {
	f.Add("Espresso machine", 20)
	f.Add("\u202e\x1b[31m שלום \u2069 e\u0301\u0301\u0301\u0301", 7)
	f.Add("蒸気が出ません\xff", 3)
	f.Fuzz(func(t *testing.T, s string, n int) {
		n = 1 + n&0x7f
		got := shown(s, n)
		if !utf8.ValidString(got) || cells(got) > n {
			t.Fatalf("shown(%q, %d) = %q of %d columns", s, n, got, cells(got))
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(got, "\u2068"), "\u2069")
		for _, r := range inner {
			if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
				t.Fatalf("shown(%q, %d) = %q lets %U through", s, n, got, r)
			}
		}
	})
}
