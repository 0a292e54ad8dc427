//go:build unix

package bolt_test

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/bolt"
)

// filled is a file with n conversations, all their actions settled.
func filled(b *testing.B, n int) *bolt.DB {
	b.Helper()
	db, err := bolt.Open(b.TempDir()+"/postroom.db", bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.NoSync()
	ctx := context.Background()
	for i := 0; i < n; i += 100 {
		var units []pipeline.Unit
		var keys []string
		for j := i; j < min(i+100, n); j++ {
			u := coretest.Arrival(support, j)
			units, keys = append(units, u), append(keys, u.Actions[0].Key)
		}
		if err := db.Commit(ctx, support, units); err != nil {
			b.Fatal(err)
		}
		if err := db.Settle(ctx, support, keys, nil); err != nil {
			b.Fatal(err)
		}
	}
	return db
}

// cpu is the processor time that this process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkCommit commits one new conversation and settles its action, as one new mail does, and says what each costs
// in processor time. Waiting for the disk is left out.
func BenchmarkCommit(b *testing.B) {
	for _, n := range []int{0, 20_000} {
		b.Run(fmt.Sprintf("at%d", n), func(b *testing.B) {
			db, ctx := filled(b, n), context.Background()
			var committing, settling time.Duration
			last := cpu(b)
			since := func() time.Duration {
				now := cpu(b)
				defer func() { last = now }()
				return now - last
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				u := coretest.Arrival(support, n+i)
				since()
				if err := db.Commit(ctx, support, []pipeline.Unit{u}); err != nil {
					b.Fatal(err)
				}
				committing += since()
				if err := db.Settle(ctx, support, []string{u.Actions[0].Key}, u.Joined); err != nil {
					b.Fatal(err)
				}
				settling += since()
			}
			b.ReportMetric(float64(committing.Microseconds())/float64(b.N), "cpu-µs/commit")
			b.ReportMetric(float64(settling.Microseconds())/float64(b.N), "cpu-µs/settle")
		})
	}
}

// BenchmarkRead reads what deciding about one mail reads.
func BenchmarkRead(b *testing.B) {
	for _, n := range []int{100, 20_000} {
		b.Run(fmt.Sprintf("at%d", n), func(b *testing.B) {
			db, ctx := filled(b, n), context.Background()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				u := coretest.Arrival(support, i%n)
				k, err1 := db.Known(ctx, support, []inbox.MessageID{u.Joined[0].ID})
				t, err2 := db.Threads(ctx, support, []inbox.ThreadID{u.Conversation.Thread})
				c, err3 := db.Conversations(ctx, support, []inbox.ConversationID{u.Conversation.ID})
				_, err4 := db.Team(ctx, support)
				if err1 != nil || err2 != nil || err3 != nil || err4 != nil || len(k)+len(t)+len(c) != 3 {
					b.Fatal(len(k), len(t), len(c), err1, err2, err3, err4)
				}
			}
		})
	}
}

// BenchmarkQueue takes one hint in, hands it out and forgets it.
func BenchmarkQueue(b *testing.B) {
	db, ctx := filled(b, 20_000), context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if err := db.Enqueue(ctx, pipeline.Hint{Mailbox: support, Source: "graph", At: opened}); err != nil {
			b.Fatal(err)
		}
		batch, ok, err := db.Receive(ctx, opened)
		if err != nil || !ok {
			b.Fatal(ok, err)
		}
		if err := db.Done(ctx, batch); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen closes and opens a file, which reads all of it once to find the free pages.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{0, 20_000} {
		b.Run(fmt.Sprintf("at%d", n), func(b *testing.B) {
			db := filled(b, n)
			for b.Loop() {
				if err := db.Close(); err != nil {
					b.Fatal(err)
				}
				var err error
				if db, err = bolt.Open(db.Path(), bolt.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(db.Path())
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
		})
	}
}
