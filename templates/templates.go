// Package templates holds what Postroom ships as data: the mail and the manifest of `postroom demo`, and the manifests that
// `postroom init` begins with.
//
// The mail belongs to one invented company with two mailboxes, and was written for Postroom: no mail of anybody is in it.
// mail/m365 is what reaches support@contoso.com with its aliases help@contoso.com and returns@contoso.com, mail/gmail what
// reaches its sister shop, hello@contoso.shop. Only customers, machines and strangers write there; the team's answers are
// made when the demo runs, so a customer's second mail references the customer's own first.
//
// A file's number is its place in the order of arrival, all on Monday 2 March 2026. The files are mail as it comes off the
// wire: CRLF line ends, and bytes in whatever charset the sender's program chose. Every mail carries a Content-Language
// header (RFC 3282), so that a test can tell what is covered; few mails of real customers have one.
//
// Some mails are there to catch mistakes: two strangers with the subject "Invoice", a display name that is our own address,
// answers marked "SV:" and "AW:", a colleague who answers in the first writer's place, a mail without a subject.
package templates

import (
	"embed"
	"io/fs"
)

//go:embed mail/m365/*.eml mail/gmail/*.eml
var mail embed.FS

//go:embed demo.yaml
var manifest []byte

// DemoMail returns the demo's mail: one directory for each provider's mailbox, m365 and gmail, with files named
// NN-short-name.eml whose names sort in the order of arrival.
func DemoMail() fs.FS {
	sub, err := fs.Sub(mail, "mail")
	if err != nil {
		panic("templates: " + err.Error()) // "mail" is a valid path, the only thing fs.Sub checks
	}
	return sub
}

// DemoManifest returns the demo's postroom.yaml, a copy that the caller may change.
func DemoManifest() []byte { return append([]byte(nil), manifest...) }
