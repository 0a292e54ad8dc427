package graphsim

import (
	"fmt"
	"testing"
	"time"
)

// However often mails change, the log stays about as long as the folder, and
// each mail is in it once that counts.
func TestLogStaysShort(t *testing.T) {
	t.Parallel()
	const box = "support@contoso.com"
	s := &Sim{Now: func() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }}
	if err := s.AddMailbox(Mailbox{Address: box}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 20 {
		id, err := s.Receive(box, fmt.Appendf(nil, "From: a@b.test\r\nSubject: s%d\r\n\r\nx\r\n", i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for i := range 20_000 {
		id := ids[i%len(ids)]
		err := s.SetCategories(box, id, fmt.Sprint(i))
		if i%7 == 0 {
			err = s.Move(box, id, [...]string{"archive", "inbox"}[i%2])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	mb := s.find(box)
	inLogs := 0
	for _, f := range mb.order {
		if limit := 2*(len(f.messages)+len(f.removed)) + 256; len(f.log) > limit {
			t.Errorf("the log of %s has %d entries, more than %d", f.name, len(f.log), limit)
		}
		for i, e := range f.log {
			if i > 0 && e.seq <= f.log[i-1].seq {
				t.Fatalf("the log of %s is out of order", f.name)
			}
			if f.current(e) && e.left == "" {
				inLogs++
			}
		}
	}
	if inLogs != len(ids) {
		t.Errorf("%d of %d mails are in a log as present", inLogs, len(ids))
	}
}

func TestTopic(t *testing.T) {
	t.Parallel()
	for subject, want := range map[string]string{
		"Broken printer":      "broken printer",
		"Re: Broken printer":  "broken printer",
		"RE: FW: AW:  broken": "broken",
		"SV: Sag 12":          "sag 12",
		"Order 12: broken":    "order 12: broken",
		"12: broken":          "12: broken",
		"Note: this":          "note: this",
		"رد: مرحبا":           "مرحبا",
		"Re:":                 "",
		"":                    "",
		":":                   ":",
		"a b: c":              "a b: c",
	} {
		if got := topicOf(subject); got != want {
			t.Errorf("topicOf(%q) = %q, want %q", subject, got, want)
		}
	}
}
