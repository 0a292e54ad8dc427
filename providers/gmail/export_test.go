package gmail

import (
	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/rules"
)

// Palette gives the background and text colour of each name.
func Palette() map[string][2]string {
	out := map[string][2]string{}
	for name, c := range colours {
		out[name] = [2]string{c.background, c.text}
	}
	return out
}

// Decode reads a message as Google sends it.
func Decode(msg *api.Message) inbox.Message {
	return decode(msg, rules.Needs{Body: true, Attachments: true, Size: true})
}

// Merged is what the records make of each message: gone, or its labels.
type Merged struct {
	Gone   bool
	Labels []string
	Last   uint64
}

// Merge adds all records to one window and cuts a page of it.
func Merge(records []*api.History) (page map[string]Merged, last uint64, all bool) {
	w := window{seen: map[string]*change{}}
	for _, r := range records {
		if r != nil {
			w.add(r)
		}
	}
	list, last, all := w.cut()
	page = map[string]Merged{}
	for _, c := range list {
		page[c.id] = Merged{c.gone, c.labels, c.last}
	}
	return page, last, all
}

// SameLanguage and SameSignature are the comparisons of Settings.
var (
	SameLanguage  = sameLanguage
	SameSignature = sameSignature
)
