package gmail_test

import (
	"fmt"
	"testing"

	"golang.org/x/oauth2"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/gmail"
	"github.com/postroom/postroom/providers/gmail/gmailsim"
)

// BenchmarkBacklog reads, fetches and marks 100 new mails; the simulator's work in the same process is counted too.
func BenchmarkBacklog(b *testing.B) {
	sim := gmailsim.New()
	sim.AddMailbox(box)
	client, err := gmail.NewClient(gmail.Config{
		Transport: &fault.Transport{Handler: sim}, Mailboxes: []inbox.MailboxID{box},
		Tokens: func(m inbox.MailboxID) (oauth2.TokenSource, error) {
			return oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "sim:" + string(m)}), nil
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	m, err := client.Mailbox(gmail.Options{Address: box})
	if err != nil {
		b.Fatal(err)
	}
	at := inbox.Cursor("")
	page := func() pipeline.Page {
		p, err := m.Changes(b.Context(), at)
		if err != nil {
			b.Fatal(err)
		}
		at = p.Next
		return p
	}
	for page().More {
	}
	const mails = 100
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		for i := range mails {
			if _, err := sim.Receive(box, rawMail(fmt.Sprintf("%d.%d@x", n, i), fmt.Sprintf("order %d %d", n, i))); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		var ids []inbox.MessageID
		var writes []pipeline.Write
		for _, o := range page().Changes {
			if !o.State.Has("@Anna") {
				ids = append(ids, o.ID)
				writes = append(writes, write(o.ID, *o.State, "@Anna", ""))
			}
		}
		if _, err := m.Fetch(b.Context(), ids); err != nil {
			b.Fatal(err)
		}
		if _, err := m.Mark(b.Context(), writes); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*mails), "µs/mail")
}
