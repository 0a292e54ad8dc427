package gmail_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/rules"
	"github.com/postroom/postroom/providers/gmail"
)

// TestCorpora reads real mail through the adapter: nothing is lost, and who wrote what in which conversation is the same
// as when the mail itself is parsed.
func TestCorpora(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "shared", "corpora")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora beside the repository (../shared/corpora)")
	}
	d := newDesk(t, func(o *gmail.Options) { o.Needs = rules.Needs{Body: true, Attachments: true} })
	raw := map[inbox.MessageID][]byte{}
	name := map[inbox.MessageID]string{}
	var ids []inbox.MessageID
	d.ok(filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		id := inbox.MessageID(must(d.sim.Receive(box, b))(d))
		ids, raw[id], name[id] = append(ids, id), b, path
		return nil
	}))
	got := d.fetch(ids...)
	bodies := 0
	for _, id := range ids {
		m := got[id].Message
		if m == nil || m.Unreadable != "" {
			t.Errorf("%s: %+v", name[id], m)
			continue
		}
		want, err := mail.ParseBytes(raw[id])
		if err != nil {
			continue // no mail at all; that it came back is enough
		}
		if m.Subject != want.Subject || m.RFCID != want.MessageID || m.InReplyTo != want.InReplyTo || len(m.References) != len(want.References) {
			t.Errorf("%s: subject %q, id %q; want %q, %q", name[id], m.Subject, m.RFCID, want.Subject, want.MessageID)
		}
		if len(want.From) > 0 && string(m.From.Address) != strings.ToLower(want.From[0].Address) {
			t.Errorf("%s: from %q, want %q", name[id], m.From.Address, want.From[0].Address)
		}
		if len(m.To) != len(want.To) || len(m.Cc) != len(want.Cc) {
			t.Errorf("%s: to %d and cc %d, want %d and %d", name[id], len(m.To), len(m.Cc), len(want.To), len(want.Cc))
		}
		if words(m.Body) == words(want.Plain()) {
			bodies++
		} else if len(words(want.Plain())) < 100 {
			t.Logf("%s: body\n%.200q\nwant\n%.200q", name[id], words(m.Body), words(want.Plain()))
		}
	}
	t.Logf("%d mails, %d with the same body", len(ids), bodies)
	if bodies < len(ids)*9/10 {
		t.Errorf("only %d of %d bodies are the same", bodies, len(ids))
	}
}

// words is a text as the eye compares it, up to where both sides certainly have it.
func words(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 8000 {
		s = s[:8000]
	}
	return s
}
