package mail_test

import (
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/postroom/postroom/core/mail"
)

func parse(t *testing.T, raw string) mail.Mail {
	t.Helper()
	m, err := mail.Parse(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("Parse: %v", err)
	}
	return m
}

func TestParseWholeMail(t *testing.T) {
	t.Parallel()
	m := parse(t, strings.ReplaceAll(`From: =?utf-8?Q?S=C3=B8ren?= Berg <Soren@Contoso.COM>
Sender: desk@contoso.com
Reply-To: "Berg, Soren" <reply@contoso.com>
To: one@contoso.com, "Two, Agent" <TWO@contoso.com>,
	undisclosed-recipients:;
Cc: Team: a@x.org, b@x.org;, c@x.org
Subject: =?iso-8859-1?Q?Bestilling_p=E5?=
 =?iso-8859-1?Q?_vej?=
Message-ID: <m3@contoso.com>
In-Reply-To: <m2@contoso.com>
References: <m1@contoso.com>
 <m2@contoso.com>
Date: Tue, 03 Nov 2026 10:20:30 +0100 (CET)
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/related; boundary=inner

--inner
Content-Type: multipart/alternative; boundary=alt

--alt
Content-Type: text/plain; charset=windows-1252
Content-Transfer-Encoding: quoted-printable

Pris: 10 =80=
 i alt
--alt
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+UHJpczogMTAg4oKsPC9wPg==
--alt--
--inner
Content-Type: image/png
Content-ID: <logo@x>
Content-Transfer-Encoding: base64

iVBORw0K
--inner--
--outer
Content-Type: application/pdf; name="x.pdf"
Content-Disposition: attachment; filename*0*=utf-8''faktura%20; filename*1*=%C3%A5.pdf

%PDF
--outer--
epilogue
`, "\n", "\r\n"))

	want := mail.Mail{
		MessageID: "<m3@contoso.com>", InReplyTo: "<m2@contoso.com>", References: []string{"<m1@contoso.com>", "<m2@contoso.com>"},
		From:    []mail.Address{{Name: "Søren Berg", Address: "soren@contoso.com"}},
		Sender:  []mail.Address{{Address: "desk@contoso.com"}},
		ReplyTo: []mail.Address{{Name: "Berg, Soren", Address: "reply@contoso.com"}},
		To:      []mail.Address{{Address: "one@contoso.com"}, {Name: "Two, Agent", Address: "two@contoso.com"}},
		Cc:      []mail.Address{{Address: "a@x.org"}, {Address: "b@x.org"}, {Address: "c@x.org"}},
		Subject: "Bestilling på vej", Text: "Pris: 10 € i alt", HTML: "<p>Pris: 10 €</p>",
		Attachments: []mail.Attachment{
			{ContentType: "image/png", ContentID: "logo@x", Inline: true, Size: 6, Data: []byte("\x89PNG\r\n")},
			{Name: "faktura å.pdf", ContentType: "application/pdf", Size: 4, Data: []byte("%PDF")},
		},
	}
	if !m.Date.Equal(time.Date(2026, 11, 3, 9, 20, 30, 0, time.UTC)) {
		t.Errorf("Date = %v", m.Date)
	}
	if len(m.Header) != 12 || m.Get("SUBJECT") != want.Subject || m.Header[0].Value != "Søren Berg <Soren@Contoso.COM>" {
		t.Errorf("Header = %q", m.Header)
	}
	want.Header, want.Date, want.Size = m.Header, m.Date, m.Size
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got  %+v\nwant %+v", m, want)
	}
}

func TestParseAddresses(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]mail.Address{
		`a@x.org (Anna (of) X)`:                   {{Name: "Anna (of) X", Address: "a@x.org"}},
		`Anna <a@x.org`:                           {{Name: "Anna", Address: "a@x.org"}},
		`"Anna \"A\" X" <a@x.org>`:                {{Name: `Anna "A" X`, Address: "a@x.org"}},
		`Anna a@x.org`:                            {{Name: "Anna", Address: "a@x.org"}},
		`a@x.org; b@x.org`:                        {{Address: "a@x.org"}, {Address: "b@x.org"}},
		`"unclosed <a@x.org>, b@x.org`:            {{Name: "unclosed", Address: "a@x.org"}, {Address: "b@x.org"}},
		`<@relay.org:a@x.org>`:                    {{Address: "a@x.org"}},
		`MAILER-DAEMON`:                           {{Address: "mailer-daemon"}},
		`Mail Delivery Subsystem`:                 {{Name: "Mail Delivery Subsystem"}},
		`<>`:                                      nil,
		`, ,`:                                     nil,
		`undisclosed-recipients:;`:                nil,
		`=?utf-8?B?w4ViZW4sIEE=?= <a@x.org>`:      {{Name: "Åben, A", Address: "a@x.org"}},
		"J\xf8rgen <j@x.org>":                     {{Name: "Jørgen", Address: "j@x.org"}},
		"a@x.org\x00":                             {{Address: "a@x.org"}},
		`'Anna' <'a@x.org'>`:                      {{Name: "Anna", Address: "a@x.org"}},
		`Anna (x, y) <a@x.org>, Bo <b@x.org> (z)`: {{Name: "Anna", Address: "a@x.org"}, {Name: "Bo", Address: "b@x.org"}},
		`"a b"@x.org`:                             {{Address: `"ab"@x.org`}},
		`=?utf-8?Q?a=40x.org?= <=?utf-8?Q?a?=@x.org>`: {{Name: "a@x.org", Address: "a@x.org"}},
	} {
		if got := parse(t, "From: "+value+"\n\n").From; !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

func TestParseCharsets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ charset, body, want string }{
		{"windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "Привет"},
		{"koi8-r", "\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"},
		{"iso-8859-1", "bl\xe5", "blå"},
		{"ISO-8859-15", "\xa4", "€"},
		{"windows-1256", "\xe3\xd1\xcd\xc8\xc7", "مرحبا"},
		{"gb2312", "\xc4\xe3\xba\xc3", "你好"},
		{"gb18030", "\xc4\xe3\xba\xc3", "你好"},
		{"big5", "\xa7A\xa6n", "你好"},
		{"iso-2022-jp", "\x1b$B$3$s\x1b(B", "こん"},
		{"shift_jis", "\x82\xb1\x82\xf1", "こん"},
		{"ks_c_5601-1987", "\xb0\xa1", "가"},
		{"cp850", "\x86", "å"},
		{"utf-7", "A+AOU-", "A+AOU-"},
		{"iso-2022-kr", "plain", "plain"},
		{"x-no-such", "bl\xe5", "blå"},
		{"x-no-such", "blå", "blå"},
		{"", "blå", "blå"},
		{"utf-8", "bl\xe5", "blå"},
		{"utf-8", "blå\xff", "blå\uFFFD"},
		{"us-ascii", "a\x00b", "ab"},
		{"utf-16", "\xfe\xff\x00a\x00\xe5", "aå"},
		{"'utf-8'", "blå", "blå"},
	} {
		got := parse(t, "Subject: s\nContent-Type: text/plain; charset=\""+tt.charset+"\"\n\n"+tt.body).Text
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.charset, got, tt.want)
		}
	}
}

func TestParseEncodedWords(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"=?utf-8?B?w6U=?=":                         "å",
		"=?UTF-8?b?w6U?= and =?utf-8?q?=C3=A5_b?=": "å and å b",
		"=?utf-8?B?4oI=?= =?utf-8?B?rA==?=":        "€", // split inside a character
		"=?utf-8?Q?two words?=":                    "two words",
		"=?utf-8*da?Q?=C3=A5?=":                    "å",
		"=?x-no-such?Q?a=E5?=":                     "aå",
		"=?utf-8?X?a?=":                            "=?utf-8?X?a?=",
		"=?utf-8?Q?unclosed":                       "=?utf-8?Q?unclosed",
		"a=?utf-8?Q?b?=c":                          "abc",
		"raw å":                                    "raw å",
		"raw \xe5":                                 "raw å",
		"=?iso-2022-jp?B?GyRCJDMbKEI=?= =?iso-2022-jp?Q?x?=": "こx",
	} {
		if got := parse(t, "Subject: "+value+"\n\n").Subject; got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// TestDecodedFieldsCanBeReadAgain holds what everybody who writes a header from a decoded one relies on: no field
// and no recipient appears that the sender's own header did not have.
func TestDecodedFieldsCanBeReadAgain(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"=?utf-8?Q?=C3=85ben=2C_A?= <a@x.org>, b@x.org",
		"\"=?utf-8?Q?=C3=85ben=2C_=22A=22?=\" <a@x.org>",
		"=?utf-8?Q?boss=40contoso=2Ecom_=3Cboss=40contoso=2Ecom=3E?= <a@x.org>",
		"=?utf-8?Q?a=0D=0ABcc:_evil=40x?= <a@x.org>",
		"=?utf-8?B?XCI=?= <a@x.org>",
	} {
		m := parse(t, "From: "+value+"\n\n")
		again := parse(t, "From: "+m.Get("From")+"\n\n")
		if !reflect.DeepEqual(again.From, m.From) || len(again.Header) != 1 || strings.ContainsAny(m.Get("From"), "\r\n") {
			t.Errorf("%s: %q becomes %q, by way of %q", value, m.From, again.From, m.Get("From"))
		}
	}
	if m := parse(t, "Subject: =?utf-8?Q?a=0D=0ABcc:_x=40y?=\n\n"); m.Subject != "a  Bcc: x@y" {
		t.Errorf("subject %q", m.Subject)
	}
	if m := parse(t, "Subject: =?utf-8?Q?a=2C_b?=\n\n"); m.Subject != "a, b" {
		t.Errorf("subject %q", m.Subject)
	}
}

func TestParseBrokenStructure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, raw, subject, text string
		attachments              int
	}{
		{"header only", "Subject: s", "s", "", 0},
		{"no header", "hello\nworld", "", "hello\nworld", 0},
		{"no empty line", "Subject: s\nhello there", "s", "hello there", 0},
		{"leading empty lines", "\r\n\r\nSubject: s\r\n\r\nhi", "s", "hi", 0},
		{"byte order mark", "\ufeffSubject: s\n\nhi", "s", "hi", 0},
		{"mbox line", "From x@y Tue Nov  3 10:20:30 2026\nSubject: s\n\nhi", "s", "hi", 0},
		{"boundary missing", "Subject: s\nContent-Type: multipart/mixed\n\n--xyzzy1\nContent-Type: text/plain\n\nhi\n--xyzzy1--\n", "s", "hi", 0},
		{"boundary wrong", "Subject: s\nContent-Type: multipart/mixed; boundary=no\n\nhi", "s", "hi", 0},
		{"boundary not closed", "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi", "s", "hi", 0},
		{"boundary a prefix", "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--bx\nho\n--b--", "s", "hi\n--bx\nho", 0},
		{"doubled parameter", "Subject: s\nContent-Type: multipart/mixed; boundary=b; boundary=c\n\n--b\n\nhi\n--b--", "s", "hi", 0},
		{"part without header", "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\nhi\n--b--", "s", "hi", 0},
		{"bad base64", "Subject: s\nContent-Transfer-Encoding: base64\n\naGk*=\n!", "s", "hi", 0},
		{"bad quoted-printable", "Subject: s\nContent-Transfer-Encoding: quoted-printable\n\n=zz=41=\n=4", "s", "=zzA=4", 0},
		{"unknown encoding", "Subject: s\nContent-Transfer-Encoding: x-what\n\nhi", "s", "hi", 0},
		{"attached mail", "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\nContent-Type: message/rfc822\n\nSubject: t\n\nho\n--b--", "s", "hi", 1},
		{"text in a file", "Subject: s\nContent-Disposition: attachment; filename=a.txt\n\nhi", "s", "", 1},
		{"folded by blanks", "Subject: s\n \n t\n\nhi", "s  t", "hi", 0},
	} {
		m := parse(t, tt.raw)
		if m.Subject != tt.subject || m.Text != tt.text || len(m.Attachments) != tt.attachments {
			t.Errorf("%s: subject %q, text %q, attachments %d", tt.name, m.Subject, m.Text, len(m.Attachments))
		}
	}
}

func TestParseIDs(t *testing.T) {
	t.Parallel()
	m := parse(t, "Message-Id: abc@x\nIn-Reply-To: Your message of Tue <a@x> and <b@x>\nReferences: <a@x><b@x>,\n <c\n @x>\nReferences: d@x\n\n")
	if m.MessageID != "<abc@x>" || m.InReplyTo != "<a@x>" || !reflect.DeepEqual(m.References, []string{"<a@x>", "<b@x>", "<c@x>", "<d@x>"}) {
		t.Errorf("ids: %q %q %q", m.MessageID, m.InReplyTo, m.References)
	}
}

func TestParseDates(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 11, 3, 10, 20, 30, 0, time.UTC)
	for _, v := range []string{
		"Tue, 3 Nov 2026 10:20:30 +0000", "Tue, 03 Nov 2026 11:20:30 +0100 (CET)", "3 Nov 2026 10:20:30 GMT",
		"2026-11-03 10:20:30", "2026-11-03T10:20:30Z", "Tue Nov  3 10:20:30 2026", "Tue, 3 Nov 2026 10:20:30", "Tue, 3 Nov 2026 10.20.30 +0000",
	} {
		if got := parse(t, "Date: "+v+"\n\n").Date; !got.Equal(want) {
			t.Errorf("%q: %v", v, got)
		}
	}
	for _, v := range []string{"", "yesterday", "Tue, 3 Nov 1901 10:20:30 +0000", strings.Repeat("9", 300)} {
		if got := parse(t, "Date: "+v+"\n\nx").Date; !got.IsZero() {
			t.Errorf("%q: %v, want zero", v, got)
		}
	}
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	deep := "Subject: s\n"
	for range 200 {
		deep += "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
	}
	if m := parse(t, deep+"\nhi"); m.Subject != "s" {
		t.Errorf("deep: subject %q", m.Subject)
	}
	many := "Subject: s\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: image/png\n\nx\n", 5000) + "--b--"
	if m := parse(t, many); len(m.Attachments) == 0 || len(m.Attachments) > 1000 {
		t.Errorf("many: %d attachments", len(m.Attachments))
	}
	// Boundaries in the middle of one line are none, and looking for them must not take the square of its length.
	for _, hostile := range []string{"--b", "--b--", "--b-- "} {
		if m := parse(t, "Content-Type: multipart/mixed; boundary=b\n\nx"+strings.Repeat(hostile, 1<<23/len(hostile))); len(m.Attachments) > 0 || len(m.Text) < 1<<22 {
			t.Errorf("%q: %d attachments, %d bytes of text", hostile, len(m.Attachments), len(m.Text))
		}
	}
	for _, hostile := range []string{"(", `"`, "<", "=?a?Q?", ",", "a@b,"} {
		parse(t, "To: "+strings.Repeat(hostile, 1<<20/len(hostile))+"\nSubject: "+strings.Repeat(hostile, 1<<20/len(hostile))+"\n\n")
	}
}

func TestParseFails(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", " \r\n\t"} {
		if _, err := mail.Parse(strings.NewReader(raw)); !errors.Is(err, mail.ErrNoMail) {
			t.Errorf("%q: %v", raw, err)
		}
	}
	if _, err := mail.Parse(iotest.ErrReader(os.ErrClosed)); !errors.Is(err, os.ErrClosed) {
		t.Errorf("failing reader: %v", err)
	}
}
