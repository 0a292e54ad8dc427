package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
)

// What strangers wrote, such as a subject or a name, is shown on somebody's terminal. It must neither move the cursor, nor
// change the direction of what stands beside it, nor pretend to be a line of ours.

// printable makes s one line of at most limit runes that a terminal only shows.
func printable(s string, limit int) string {
	s = strings.Join(strings.Fields(neutral(s)), " ")
	n := 0
	for i := range s {
		if n++; n > limit {
			s = strings.TrimRight(s[:i], " ") + "…"
			break
		}
	}
	return isolated(s)
}

// inert reports whether a terminal shows r, if as a blank, and does nothing else with it. Of the format characters the
// joiners and the soft hyphen are: Persian, Hindi and emoji cannot be written without them, and they act on their
// neighbours only.
func inert(r rune) bool {
	const softHyphen, nonJoiner, joiner = '\u00ad', '\u200c', '\u200d'
	if r == softHyphen || r == nonJoiner || r == joiner {
		return true
	}
	return !unicode.IsControl(r) && !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

// writeJSON writes v with an indent. Whatever a terminal would act on is escaped, which means the same to a reader of
// JSON.
func writeJSON(w io.Writer, v any) error {
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	var out bytes.Buffer
	for _, r := range plain.String() {
		switch {
		case r == '\n' || inert(r):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// count is n and the word for it.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
