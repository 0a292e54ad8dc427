package graphsim

import (
	"encoding/json"
	"testing"
	"time"
)

// FuzzAppendString holds that encoding/json reads back what the hand-written
// encoder wrote.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", "a\"b\\c\n\r\t\x00\x1f\x7f", "Spørgsmål 漢字 🙂", "\xff\xfe broken \xc3", "\u2028<>&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := string([]rune(s)); got != want { // each broken byte becomes U+FFFD
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	})
}

func TestFilterHolds(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	m := &message{
		folder: &folder{id: "f1"}, conversation: "c1", rfcID: "<a@b>", subject: "It's Late", from: person{"A", "A@b.test"},
		importance: "high", read: true, received: at, sent: at.Add(-time.Minute), created: at, modified: at.Add(time.Minute),
		categories: []string{"VIP"}, extended: []extended{{"String x", "1"}}, attachments: []attachment{{inline: true}},
	}
	for filter, want := range map[string]bool{
		"conversationId eq 'c1'":                                                         true,
		"conversationId eq 'C1'":                                                         false,
		"internetMessageId eq '<a@b>'":                                                   true,
		"subject eq 'it''s late'":                                                        true,
		"from/emailAddress/address eq 'a@B.test'":                                        true,
		"parentFolderId eq 'f1'":                                                         true,
		"importance eq 'low'":                                                            false,
		"isRead eq true and isDraft eq false":                                            true,
		"hasAttachments eq true":                                                         false,
		"receivedDateTime ge 2026-05-04T12:00:00Z":                                       true,
		"receivedDateTime gt 2026-05-04T12:00:00Z":                                       false,
		"receivedDateTime le 2026-05-04T14:00:00+02:00":                                  true,
		"receivedDateTime eq 2026-05-04T12:00:00Z":                                       true,
		"sentDateTime lt 2026-05-04T12:00:00Z":                                           true,
		"createdDateTime lt 2026-05-04T12:00:00Z":                                        false,
		"lastModifiedDateTime ge 2026-05-04T12:01:00Z":                                   true,
		"categories/any(c:c eq 'vip')":                                                   true,
		"categories/any(c:c eq 'other')":                                                 false,
		"singleValueExtendedProperties/Any(ep: ep/id eq 'String x' and ep/value eq '1')": true,
		"singleValueExtendedProperties/Any(ep: ep/id eq 'String y' and ep/value eq '1')": false,
	} {
		conditions, err := parseFilter(filter)
		if err != nil {
			t.Errorf("%s: %v", filter, err)
			continue
		}
		if got := matches(m, conditions); got != want {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
	for _, filter := range []string{
		"", "isRead", "isRead eq", "isRead eq 'true'", "conversationId eq c1", "conversationId eq 'c1", "isRead eq true and", "isRead eq true isDraft eq true",
		"receivedDateTime ge yesterday", "isRead ne true", "body eq 'x'", "categories/any(c:d eq 'x')", "categories/any(c:c eq x)", "categories/any c:c", "categories/any(c:c eq 'x'",
		"isRead eq true or isRead eq false",
	} {
		if c, err := parseFilter(filter); err == nil {
			t.Errorf("%q was read as %+v", filter, c)
		}
	}
}
