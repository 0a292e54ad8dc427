package gmailsim_test

import (
	"net/mail"
	"os"
	"path/filepath"
	"testing"

	gmail "google.golang.org/api/gmail/v1"
)

// TestCorpora puts real mail through the API: every message can be read in every format, the answers keep to the
// discovery document, raw comes back byte for byte, and address fields can be read again from metadata.
func TestCorpora(t *testing.T) {
	dir := filepath.Join("..", "..", "..", "..", "shared", "corpora")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora beside the repository (../shared/corpora)")
	}
	d := newDesk(t)
	stored, attachments, unread := 0, 0, 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Name() == "LICENSE" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		id, err := d.sim.Receive(box, raw)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		stored++
		full := must(d.users.Messages.Get("me", id).Do())(d)
		attachments += d.attachments(id, full.Payload)
		if got := must(decode(must(d.users.Messages.Get("me", id).Format("raw").Do())(d).Raw))(d); string(got) != string(raw) {
			t.Errorf("%s: raw differs", path)
		}
		meta := must(d.users.Messages.Get("me", id).Format("metadata").MetadataHeaders("To").Do())(d)
		for _, h := range meta.Payload.Headers {
			if _, err := mail.ParseAddressList(h.Value); err != nil {
				unread++
			}
		}
		return nil
	})
	d.ok(err)
	p := must(d.users.GetProfile("me").Do())(d)
	if stored < 600 || int(p.MessagesTotal) != stored || attachments < 100 {
		t.Errorf("%d mails stored, profile says %d, %d attachments", stored, p.MessagesTotal, attachments)
	}
	t.Logf("%d mails, %d threads, %d attachments, %d To fields the standard library cannot read", stored, p.ThreadsTotal, attachments, unread)
}

// attachments reads all attachments below a part and returns how many there are.
func (d *desk) attachments(id string, p *gmail.MessagePart) int {
	d.Helper()
	n := 0
	if p.Body != nil && p.Body.AttachmentId != "" {
		n++
		if body := must(d.users.Messages.Attachments.Get("me", id, p.Body.AttachmentId).Do())(d); body.Size != p.Body.Size {
			d.Errorf("attachment of %d bytes, announced %d", body.Size, p.Body.Size)
		}
	}
	for _, sub := range p.Parts {
		n += d.attachments(id, sub)
	}
	return n
}
