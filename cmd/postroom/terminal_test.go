package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Where is my order?", "Where is my order?"},
		{"lines", " a\r\n b\t\tc\u3000d ", "a b c d"},
		{"escape sequence", "a\x1b[31mb", "a\ufffd[31mb"},
		{"one-byte escape", "a\u009b31mb", "a\ufffd31mb"},
		{"override and isolate", "a\u202eb\u2066c", "a\ufffdb\ufffdc"},
		{"no UTF-8", "a\xff", "a\ufffd"},
		{"line separator", "a\u2028b", "a\ufffdb"},
		{"Arabic, isolated from its line", "أين طلبي؟", "\u2068أين طلبي؟\u2069"},
		{"emoji of several parts", "👩\u200d🔧", "👩\u200d🔧"},
		{"tower of marks", "e" + strings.Repeat("\u0301", 30), "e" + strings.Repeat("\u0301", maxMarks)},
		{"long", strings.Repeat("å", 30), strings.Repeat("å", 20) + "…"},
		{"just fits", strings.Repeat("å", 20), strings.Repeat("å", 20)},
		{"cut at a space", strings.Repeat("a", 20) + " bc", strings.Repeat("a", 20) + "…"},
		{"nothing", "", ""},
	} {
		if got := printable(tt.in, 20); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add(hostile, 20)
	f.Add("a\u202eb \xff\u0301\u0301", 3)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = min(max(limit, 1), 500)
		got := printable(s, limit)
		inside := strings.TrimSuffix(strings.TrimPrefix(got, "\u2068"), "\u2069")
		if (inside == got) != (isolated(inside) == inside) {
			t.Errorf("%q becomes %q", s, got)
		}
		if !utf8.ValidString(inside) || utf8.RuneCountInString(inside) > limit+1 || strings.TrimSpace(inside) != inside {
			t.Errorf("%q becomes %q", s, got)
		}
		for _, r := range inside {
			if !inert(r) {
				t.Errorf("%q becomes %q, which has %U", s, got, r)
			}
		}
		if again := printable(inside, limit+1); again != got {
			t.Errorf("%q becomes %q, and that %q", s, got, again)
		}
	})
}

// FuzzWriteJSON holds that what is escaped for the terminal means the same.
func FuzzWriteJSON(f *testing.F) {
	f.Add(hostile)
	f.Add("\U000e0041 & <b> \\ \" \x7f")
	f.Fuzz(func(t *testing.T, s string) {
		s = strings.ToValidUTF8(s, "")
		var out bytes.Buffer
		if err := writeJSON(&out, []string{s}); err != nil {
			t.Fatal(err)
		}
		var back []string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || len(back) != 1 || back[0] != s {
			t.Errorf("%q comes back as %q, %v", s, back, err)
		}
		for _, r := range out.String() {
			if r != '\n' && !inert(r) {
				t.Errorf("the JSON of %q has %U", s, r)
			}
		}
	})
}
