package mail_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postroom/postroom/core/mail"
)

// TestCorpora reads real mail: bounces, lists, auto-replies and human answers of many clients.
func TestCorpora(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "..", "..", "shared", "corpora")
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpora beside the repository (../shared/corpora)")
	}
	files, noFrom := 0, 0
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LICENSE" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m, err := mail.ParseBytes(raw)
		if errors.Is(err, mail.ErrNoMail) && len(strings.TrimSpace(string(raw))) == 0 {
			return nil
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return nil
		}
		checkClean(t, m)
		ext := filepath.Ext(path)
		if files++; (ext == ".eml" || ext == ".raw") && len(m.From) == 0 && m.Get("From") != "" {
			noFrom++
			t.Logf("%s: From %q gives no address", path, m.Get("From"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 600 || noFrom > 5 {
		t.Errorf("%d files, %d with an unread From", files, noFrom)
	}
}

func checkClean(t *testing.T, m mail.Mail) {
	t.Helper()
	var all []string
	for _, list := range [][]mail.Address{m.From, m.Sender, m.ReplyTo, m.To, m.Cc, m.Bcc} {
		for _, a := range list {
			all = append(all, a.Name, a.Address)
		}
	}
	for _, f := range m.Header {
		all = append(all, f.Name, f.Value)
		if strings.ContainsAny(f.Name+f.Value, "\r\n") {
			t.Errorf("a line break in field %q: %q", f.Name, f.Value)
		}
	}
	for _, a := range m.Attachments {
		all = append(all, a.Name, a.ContentType, a.ContentID)
		if a.Size != len(a.Data) {
			t.Errorf("attachment %q: size %d, %d bytes", a.Name, a.Size, len(a.Data))
		}
	}
	all = append(all, m.References...)
	all = append(all, m.MessageID, m.InReplyTo, m.Subject, m.Text, m.HTML)
	for _, s := range all {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			t.Errorf("not clean: %q", s)
		}
	}
}

func headerNames(m mail.Mail) string {
	names := " "
	for _, f := range m.Header {
		names += f.Name + "  "
	}
	return names
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("From: a@b\nSubject: =?utf-8?B?w6U=?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=koi8-r\n\nx\n--b--"))
	f.Add([]byte("Content-Type: application/x; name*0*=iso-8859-1''%e5; name*1=b\nContent-Transfer-Encoding: quoted-printable\n\n=E5="))
	f.Add([]byte("To: \"a\\\"b\" <a@b>, g: c@d;, (x) e@f\nReferences: <a><b\nDate: 1 Jan 99 00:00 EST\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := mail.ParseBytes(raw)
		if err != nil {
			if !errors.Is(err, mail.ErrNoMail) {
				t.Fatal(err)
			}
			return
		}
		checkClean(t, m)
		mail.Structure(raw)
		if !utf8.ValidString(m.Plain()) {
			t.Fatalf("Plain is not clean: %q", m.Plain())
		}
		if from := m.Get("From"); !strings.Contains(from, "=?") && strings.Count(strings.ToLower(headerNames(m)), " from ") == 1 {
			again, err := mail.ParseHeader([]byte("From: " + from + "\n\n"))
			if err != nil || !reflect.DeepEqual(again.From, m.From) {
				t.Fatalf("From %q becomes %q by way of %q", m.From, again.From, from)
			}
		}
		h, err := mail.ParseHeader(raw)
		if err != nil || h.Subject != m.Subject || len(h.Header) != len(m.Header) {
			t.Fatalf("ParseHeader disagrees: %v", err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	raw := []byte("From: Anna <a@x.org>\nTo: support@contoso.com\nSubject: =?utf-8?Q?s=C3=A5?=\nMessage-ID: <1@x.org>\nDate: Tue, 3 Nov 2026 10:20:30 +0000\nContent-Type: text/plain; charset=utf-8\n\n" + strings.Repeat("Hello there, where is my parcel?\n", 50))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mail.ParseBytes(raw); err != nil {
			b.Fatal(err)
		}
	}
}
