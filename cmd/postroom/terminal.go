package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// What strangers wrote, such as a subject or a name, is shown on somebody's terminal. It must neither move the cursor, nor
// change the direction of what stands beside it, nor pretend to be a line of ours.

// maxCombining is how many combining marks are shown on one letter. No script needs more; a tower of them covers the lines
// above.
const maxCombining = 6

// printable makes s one line of at most limit runes that a terminal only shows. What would act on the terminal becomes
// the replacement character; runs of white space become one space.
func printable(s string, limit int) string {
	var b strings.Builder
	n, marks, space := 0, 0, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		switch {
		case unicode.Is(unicode.M, r):
			if marks++; marks > maxCombining {
				continue
			}
		case !inert(r):
			r, marks = utf8.RuneError, 0
		default:
			marks = 0
		}
		if n++; n > limit {
			return b.String() + "…"
		}
		if space {
			b.WriteByte(' ')
			n++
		}
		space = false
		b.WriteRune(r)
	}
	return b.String()
}

// inert reports whether a terminal shows r and does nothing else with it. The joiners are format characters that
// Persian, Hindi and emoji cannot be written without, and act on their neighbours only.
func inert(r rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.IsPrint(r) || r == nonJoiner || r == joiner
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
		case r == '\n' || r == ' ' || inert(r):
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
