package gmail_test

import (
	"strings"
	"testing"

	"github.com/postroom/postroom/core/automail"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/providers/gmail"
)

// ofGroup are the fields that Groups gives every mail of help@contoso.com.
const ofGroup = `Precedence: list
Mailing-list: list help@contoso.com; contact help+owners@contoso.com
List-ID: <help.contoso.com>
X-Google-Group-Id: 443592571
List-Post: <https://groups.google.com/a/contoso.com/group/help/post>, <mailto:help@contoso.com>
List-Unsubscribe: <mailto:googlegroups-manage+443+unsubscribe@googlegroups.com>, <https://groups.google.com/a/contoso.com/group/help/subscribe>
`

// Mail through the group in front is a customer's as much as any other: it is no list's, and the customer's address is theirs.
func TestMailThroughTheFront(t *testing.T) {
	t.Parallel()
	const direct = "From: Jane Doe <jane@fabrikam.com>\n"
	const rewritten = "From: \"'Jane Doe' via Contoso Help\" <help@contoso.com>\n"
	for _, c := range []struct {
		name, fields string
		front        inbox.Address
		from         string // name and address
		automated    bool
	}{
		{"as it was", direct + ofGroup, "help@contoso.com", "Jane Doe jane@fabrikam.com", false},
		{"rewritten", rewritten + ofGroup + "X-Original-From: Jane Doe <Jane@fabrikam.com>\nX-Original-Sender: jane@fabrikam.com\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", false},
		{"rewritten, the sender alone", rewritten + ofGroup + "X-Original-Sender: jane@fabrikam.com\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", false},
		{"rewritten, where to answer", rewritten + ofGroup + "Reply-To: Jane Doe <jane@fabrikam.com>\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", false},
		{"rewritten, and nothing tells", rewritten + ofGroup, "help@contoso.com", "'Jane Doe' via Contoso Help help@contoso.com", false},
		{"rewritten to rubbish", rewritten + ofGroup + "X-Original-From: <<>,\nX-Original-Sender: help@contoso.com\n", "help@contoso.com", "'Jane Doe' via Contoso Help help@contoso.com", false},
		{"not from the group", direct + ofGroup + "X-Original-From: Eve <eve@evil.example>\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", false},
		{"a newsletter to the group", direct + ofGroup + "List-Unsubscribe: <https://news.example/off>\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", true},
		{"an absence note to the group", direct + ofGroup + "Auto-Submitted: auto-replied\n", "help@contoso.com", "Jane Doe jane@fabrikam.com", true},
		{"another group's", direct + strings.ReplaceAll(ofGroup, "help", "all"), "help@contoso.com", "Jane Doe jane@fabrikam.com", true},
		{"without a front", rewritten + ofGroup + "X-Original-From: Jane Doe <jane@fabrikam.com>\n", "", "'Jane Doe' via Contoso Help help@contoso.com", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			raw := c.fields + "To: help@contoso.com\nSubject: Where is it?\nMessage-ID: <1@fabrikam.com>\n\nHello\n"
			id := inbox.MessageID(must(d.sim.Receive(box, []byte(strings.ReplaceAll(raw, "\n", "\r\n"))))(d))
			d.mailbox = d.open(func(o *gmail.Options) { o.Front, o.Header = c.front, []string{} })
			m := d.fetch(id)[id].Message
			if got := m.From.Name + " " + string(m.From.Address); got != c.from {
				t.Errorf("from %q, want %q", got, c.from)
			}
			if why := automail.Reason(*m); (why != "") != c.automated {
				t.Errorf("automated: %q", why)
			}
		})
	}
}
