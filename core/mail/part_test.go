package mail_test

import (
	"strings"
	"testing"

	"github.com/postroom/postroom/core/mail"
)

func TestStructure(t *testing.T) {
	t.Parallel()
	p := mail.Structure([]byte("Subject: =?utf-8?Q?s=C3=A5?=\nContent-Type: multipart/mixed; boundary=o\n\n--o\n" +
		"Content-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: text/plain; charset=iso-8859-1\n\nbl\xe5\n--i\nContent-Type: text/html\n\n<p>\n--i--\n--o\n" +
		"Content-Type: application/pdf; name=a.pdf\nContent-Transfer-Encoding: base64\n\naGk=\n--o--\n"))
	if p.ContentType != "multipart/mixed" || p.Header[0].Value != "så" || len(p.Parts) != 2 || len(p.Parts[0].Parts) != 2 {
		t.Fatalf("tree: %+v", p)
	}
	if got := p.Parts[0].Parts[0].UTF8(); got != "blå" {
		t.Errorf("text: %q", got)
	}
	if pdf := p.Parts[1]; pdf.Name != "a.pdf" || string(pdf.Body) != "hi" {
		t.Errorf("file: %+v", pdf)
	}
	deep := strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 200)
	depth := 0
	for p := mail.Structure([]byte(deep)); len(p.Parts) > 0; p = p.Parts[0] {
		depth++
	}
	if depth == 0 || depth > 20 {
		t.Errorf("depth %d", depth)
	}
}

func TestPlain(t *testing.T) {
	t.Parallel()
	for html, want := range map[string]string{
		"<html><HEAD><title>x</title></HEAD><body><p>Hi &amp; <b>you</b></p><div>there<br>now</div>": "Hi & you\nthere\nnow",
		"<STYLE>p{}</style>a<!-- b > -->c": "ac",
		"a < b":                            "a < b",
		"<script>alert(1)":                 "",
		"<p>\u0130<p>i":                    "\u0130\ni",
	} {
		if got := (mail.Mail{HTML: html}).Plain(); got != want {
			t.Errorf("%q: got %q, want %q", html, got, want)
		}
	}
	if got := (mail.Mail{Text: "t", HTML: "<p>h"}).Plain(); got != "t" {
		t.Errorf("with text: %q", got)
	}
}
