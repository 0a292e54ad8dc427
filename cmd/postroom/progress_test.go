package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// rows is how many rows a terminal of a width has used for what was written.
func rows(written string, width int) int {
	used, column, wraps := 1, 0, true
	for written != "" {
		switch {
		case strings.HasPrefix(written, "\x1b[?7"):
			wraps, written = written[4] == 'h', written[5:]
			continue
		case strings.HasPrefix(written, "\x1b[K"):
			written = written[3:]
			continue
		}
		r := []rune(written)[0]
		written = written[len(string(r)):]
		switch {
		case r == '\r':
			column = 0
		case column < width:
			column++
		case wraps:
			used, column = used+1, 1
		}
	}
	return used
}

// TestBarStaysInItsRow: a row that is wrapped cannot be taken back, and a terminal may have any width.
func TestBarStaysInItsRow(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	p := newProgress(&app{stdout: &out, tty: true, now: func() time.Time { return began }}, false)
	step := provision.Step{ID: "1", Mailbox: "customer.support@contoso.com", What: "let anna.bergstrom@contoso.com open it and work everything (mapped in Outlook)"}
	p.tell(provision.Progress{Step: step, Done: 1, Total: 21})
	p.tell(provision.Progress{Step: step, Done: 1, Total: 21, Waiting: strings.Repeat("the mailbox is not there yet ", 5), Since: began.Add(-time.Minute)})
	p.end()
	for _, width := range []int{20, 40, 80} {
		if n := rows(out.String(), width); n != 1 {
			t.Errorf("at %d columns the bar takes %d rows", width, n)
		}
	}
	if end := out.String(); strings.LastIndex(end, "\x1b[?7l") > strings.LastIndex(end, "\x1b[?7h") {
		t.Error("the terminal is left without wrapping")
	}
}
