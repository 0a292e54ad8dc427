package gmail

import (
	"context"
	"strings"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/provision"
)

// languages are a tag that was asked for and the one that Google saved instead.
type languages struct{ asked, saved string }

// variants are the tags that Gmail has beside the plain language ("Manage language settings"), and whether the plain
// language is one of its own too. It saves the closest one that it has, so that "da-DK" becomes "da".
var variants = map[string]struct {
	tags  []string
	plain string // the tag that the plain one stands for, "" where Gmail has no plain one
}{
	"en": {[]string{"en-gb"}, "en-us"},
	"es": {[]string{"es-419"}, "es-es"},
	"fr": {[]string{"fr-ca"}, "fr-fr"},
	"pt": {[]string{"pt-br", "pt-pt"}, ""},
	"zh": {[]string{"zh-cn", "zh-tw", "zh-hk"}, ""},
}

// spellings are languages that Gmail has under another code, older or wider ("Manage language settings").
var spellings = map[string]string{"nb": "no", "nn": "no", "iw": "he", "in": "id", "tl": "fil"}

// readLanguage gives the tag that is wished, or was asked for in this run, where Google saved what it makes of it.
func (s *Settings) readLanguage(ctx context.Context, m *Mailbox, r *reading) error {
	answer, err := m.account.users.Settings.GetLanguage(m.user()).Context(ctx).Do()
	if err != nil {
		return m.account.explain("read the language", err)
	}
	have := answer.DisplayLanguage
	s.mu.Lock()
	answered := s.saved[m.account.address]
	s.mu.Unlock()
	wish, wished := r.wish(provision.Language, "")
	switch {
	case wished && sameLanguage(wish, have):
		have = wish
	case answered.saved == have && (!wished || wish == answered.asked):
		have = answered.asked
	}
	if have != "" {
		r.put(provision.Language, "", have)
	}
	return nil
}

// sameLanguage reports whether have is what Google makes of the tag.
func sameLanguage(wish, have string) bool {
	wish, have = plainTag(wish), plainTag(have)
	if wish == have {
		return true
	}
	base, _, _ := strings.Cut(wish, "-")
	other, _, _ := strings.Cut(have, "-")
	if base != other {
		return false
	}
	known := variants[base]
	for _, t := range known.tags {
		if t == wish {
			return false // Gmail has just this one
		}
	}
	return wish != base || known.plain == "" // what is said of no country is the plain one, where there is one
}

// plainTag is a tag in lower case, without the country that goes without saying.
func plainTag(tag string) string {
	tag = strings.ToLower(strings.ReplaceAll(tag, "_", "-"))
	base, rest, _ := strings.Cut(tag, "-")
	if own, ok := spellings[base]; ok {
		base = own
		if tag = base; rest != "" {
			tag += "-" + rest
		}
	}
	if tag == variants[base].plain {
		return base
	}
	return tag
}

func (s *Settings) doLanguage(ctx context.Context, m *Mailbox, step provision.Step) error {
	answer, err := m.account.users.Settings.UpdateLanguage(m.user(), &api.LanguageSettings{DisplayLanguage: step.After}).Context(ctx).Do()
	if err != nil {
		return m.account.explain("set the language", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved[m.account.address] = languages{step.After, answer.DisplayLanguage}
	return nil
}
