package dynamo_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// beforeCommit lets something happen once, just before a transaction.
type beforeCommit struct {
	dynamo.Client
	act func()
}

func (b *beforeCommit) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if act := b.act; act != nil {
		b.act = nil
		act()
	}
	return b.Client.TransactWriteItems(ctx, in, o...)
}

// TestPageBesideASettle stores the state of a message on the newest page just before each commit of a conversation, which
// may turn states onto that page itself. The conversation's own item is not written by that.
func TestPageBesideASettle(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	settler := dynamo.Open(client, name, dynamo.Options{})
	b := &beforeCommit{Client: client}
	l := newLong(t, dynamo.Open(b, name, dynamo.Options{Sleep: noSleep}))
	events := 0
	var joined []inbox.MessageID
	for round := range 60 {
		u := l.unit(1)
		b.act = func() {
			if len(joined) < 10 {
				return
			}
			k := l.known[joined[len(joined)-10+round%4]]
			k.State.Markers = []inbox.Marker{inbox.Marker(fmt.Sprint("round ", round))}
			l.known[k.ID] = k
			if err := settler.Settle(t.Context(), support, nil, []inbox.Known{k}); err != nil {
				t.Error(err)
			}
		}
		if err := l.store.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
		if err := settler.Settle(t.Context(), support, []string{u.Actions[0].Key}, nil); err != nil {
			t.Fatal(err)
		}
		joined, events = append(joined, u.Joined[0].ID), events+len(u.Events)
	}
	if len(items(t, client, name, "g#")) < 2 {
		t.Fatal("there are not even two pages, so this shows nothing")
	}
	l.check(events)
}
