package gmail

import (
	"context"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/mail"
	"github.com/postroom/postroom/core/provision"
)

// readSignature: Gmail sanitises the HTML of a signature and writes it anew, so one that says the same as the wish is
// given in the wish's own words.
func (r *reading) readSignature(have string) {
	if wish, ok := r.wish(provision.Signature, ""); ok && sameSignature(wish, have) {
		have = wish
	}
	if have != "" || r.wishes(provision.Signature) {
		r.put(provision.Signature, "", have)
	}
}

func (r *reading) wishes(aspect provision.Aspect) bool {
	_, ok := r.wish(aspect, "")
	return ok
}

func (s *Settings) doSignature(ctx context.Context, m *Mailbox, step provision.Step) error {
	list, err := m.senders(ctx)
	if err != nil {
		return err
	}
	address := m.user()
	if a := find(list, isDefault); a != nil {
		address = a.SendAsEmail
	}
	_, err = m.account.users.Settings.SendAs.Patch(m.user(), address, &api.SendAs{
		Signature: step.After, ForceSendFields: []string{"Signature"},
	}).Context(ctx).Do()
	return m.account.explain("set the signature", err)
}

// sameSignature compares what a reader sees, reads and can follow: the text with its line breaks, the links and the
// pictures. What a difference in style alone is, nobody can tell from what Gmail's sanitiser makes of any style.
func sameSignature(a, b string) bool {
	if a == b {
		return true
	}
	x, y := readHTML(a), readHTML(b)
	return x.text == y.text && slices.Equal(x.links, y.links) && slices.EqualFunc(x.pictures, y.pictures, samePicture)
}

type signature struct {
	text            string
	links, pictures []string
}

// reference finds the attributes of a tag that name something else.
var reference = regexp.MustCompile(`(?is)<(a|img)\s(?:[^>]*?\s)?(?:href|src)\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)

func readHTML(s string) signature {
	out := signature{text: mail.Mail{HTML: s}.Plain()}
	for _, m := range reference.FindAllStringSubmatch(s, -1) {
		to := strings.TrimSpace(html.UnescapeString(strings.Trim(m[2], `"'`)))
		if strings.EqualFold(m[1], "a") {
			out.links = append(out.links, strings.TrimSuffix(to, "/"))
		} else {
			out.pictures = append(out.pictures, to)
		}
	}
	return out
}

// samePicture: Gmail serves pictures of signatures from a store of its own.
func samePicture(a, b string) bool { return a == b || stored(a) || stored(b) }

func stored(picture string) bool {
	u, err := url.Parse(picture)
	return err == nil && strings.HasSuffix(u.Hostname(), ".googleusercontent.com")
}
