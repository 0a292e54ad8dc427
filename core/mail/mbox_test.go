package mail_test

import (
	"bytes"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/postroom/postroom/core/mail"
)

func split(raw string) (mails []string, err error) {
	for m, e := range mail.Mbox(strings.NewReader(raw)) {
		if e != nil {
			return mails, e
		}
		mails = append(mails, string(m))
	}
	return mails, nil
}

func TestMbox(t *testing.T) {
	t.Parallel()
	got, err := split("\nFrom a@x Tue Nov  3 10:20:30 2026\nSubject: 1\n\n>From here\n>>From there\n> quoted\n\nFrom now on it is prose\n\n" +
		"From b@x Tue Nov  3 10:20:31 2026\r\nSubject: 2\r\n\r\nhi\nFrom c@x 10:20 without an empty line before\n")
	want := []string{
		"Subject: 1\n\nFrom here\n>From there\n> quoted\n\nFrom now on it is prose\n",
		"Subject: 2\r\n\r\nhi\nFrom c@x 10:20 without an empty line before",
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := split(""); err != nil || got != nil {
		t.Errorf("empty: %q, %v", got, err)
	}
	if _, err := split("Subject: a plain mail\n\n"); err == nil {
		t.Error("a plain mail passes for an mbox")
	}
}

func TestMboxStopsAndFails(t *testing.T) {
	t.Parallel()
	n := 0
	for range mail.Mbox(strings.NewReader("From a 10:20:30\n\nx\n\nFrom b 10:20:30\n\ny\n")) {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d mails after break", n)
	}
	for _, err := range mail.Mbox(iotest.ErrReader(os.ErrClosed)) {
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("failing reader: %v", err)
		}
	}
	long := strings.Repeat("x", 200<<10)
	if got, err := split("From a 10:20:30\n" + long + "\n\nFrom b 10:20:30\ny"); err != nil || len(got) != 2 || got[0] != long+"\n" {
		t.Errorf("long line: %d mails, %v", len(got), err)
	}
}

func FuzzMbox(f *testing.F) {
	f.Add([]byte("From a 10:20:30\nSubject: s\n\n>From x\n\nFrom b 10:20:31\n\ny"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		total := 0
		for m, err := range mail.Mbox(bytes.NewReader(raw)) {
			if err != nil {
				return
			}
			total += len(m)
			_, _ = mail.ParseBytes(m)
		}
		if total > len(raw) {
			t.Fatalf("%d bytes out of %d", total, len(raw))
		}
	})
}
