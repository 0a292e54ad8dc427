package dynamo_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// TestUnits counts what a mail costs, in steady work: all of a sync's reads and writes, and those of the sync that our own
// markers cause, on a table that a new process opens for each sync. The bounds are what docs/cost.md reckons with.
func TestUnits(t *testing.T) {
	t.Parallel()
	meter, err := engine.NewMeter(engine.Endpoint(t))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(meter)
	t.Cleanup(server.Close)
	client := engine.Client(server.URL)
	for _, tt := range []struct {
		burst, mails        int // mails a sync, and in all
		answers             int // mails of a conversation after its first
		write, read, commit float64
	}{
		{burst: 1, mails: 20, answers: 0, write: 11, read: 25, commit: 1.1},
		{burst: 1, mails: 20, answers: 1, write: 11, read: 25, commit: 1.1},
		{burst: 1, mails: 20, answers: 9, write: 11, read: 25, commit: 1.1},
		{burst: 5, mails: 50, answers: 1, write: 8, read: 20, commit: 0.3},
		{burst: 10, mails: 60, answers: 1, write: 7, read: 15, commit: 0.2},
		{burst: 50, mails: 100, answers: 1, write: 7, read: 15, commit: 0.1},
		{burst: 50, mails: 100, answers: 0, write: 7, read: 15, commit: 0.1},
		{burst: 200, mails: 200, answers: 1, write: 7, read: 15, commit: 0.1},
	} {
		name := create(t, client)
		x := newExchange(inbox.MailboxID(fmt.Sprintf("support%d.%d@contoso.com", tt.burst, tt.answers)))
		sync := func() {
			t.Helper()
			x.now = x.now.Add(10 * time.Second)
			store := dynamo.Open(client, name, dynamo.Options{})
			if _, err := x.pipeline(store).Sync(t.Context(), x.mailbox); err != nil {
				t.Fatal(err)
			}
		}
		sync()
		type thread struct {
			first    inbox.MessageID
			id       inbox.ThreadID
			customer int
		}
		var unanswered []thread
		for sent := -tt.burst; sent < tt.mails; sent += tt.burst {
			if sent == 0 { // the round before made the team's item, and is not steady work
				meter.Take()
			}
			var begun []thread // whose customers write again in the rounds that follow
			for i := range tt.burst {
				if (sent+i)%(tt.answers+1) != 0 && len(unanswered) > 0 {
					c := unanswered[0]
					unanswered = unanswered[1:]
					x.receive(c.first, c.id, c.customer)
					continue
				}
				c := thread{customer: x.n}
				c.first, c.id = x.receive("", "", c.customer)
				begun = append(begun, c)
			}
			for range tt.answers {
				unanswered = append(unanswered, begun...)
			}
			sync()
			sync() // for the markers that the first one set
		}
		total := meter.Take()
		n := float64(tt.mails)
		write, read, commits := total.WriteUnits/n, total.ReadUnits/n, float64(total.Transactions)/n
		t.Logf("%2d mails a sync, %d answers a conversation: %.2f write units, %.2f read units, %.2f transactions a mail (%.1f items each), %v requests",
			tt.burst, tt.answers, write, read, commits, float64(total.TransactionItems)/float64(max(1, total.Transactions)), total.Requests)
		if write > tt.write || read > tt.read || commits > tt.commit {
			t.Errorf("%d mails a sync: more than %.1f write units, %.1f read units or %.1f transactions", tt.burst, tt.write, tt.read, tt.commit)
		}
	}
}
