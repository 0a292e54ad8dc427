package dynamo_test

import (
	"fmt"
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// TestSettleManySpills settles at once more actions of one conversation than one transaction can take out of its spills: the
// spine looks at 1,000 in one round.
func TestSettleManySpills(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	l := newLong(t, dynamo.Open(strict{client}, name, dynamo.Options{Sleep: noSleep}))
	var keys []string
	for range 125 {
		u := l.more(0, 8)
		first := u.Actions[0]
		u.Actions = nil
		for n := range 8 {
			a := first
			a.Key = fmt.Sprintf("%s/%012d", l.now.ID, l.now.Seq-7+int64(n))
			a.Messages = []inbox.MessageID{inbox.MessageID(opaque(120, "m", len(keys)))}
			u.Actions, keys = append(u.Actions, a), append(keys, a.Key)
		}
		if err := l.store.Commit(t.Context(), support, []pipeline.Unit{u}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(items(t, client, name, "x#")); n < 100 {
		t.Fatalf("there are only %d spills, so this shows nothing", n)
	}
	if err := l.store.Settle(t.Context(), support, keys, nil); err != nil {
		t.Fatal(err)
	}
	pending(t, l.store, 0, nil)
	if n := len(items(t, client, name, "x#")); n != 0 {
		t.Errorf("%d spills are left with nothing in them", n)
	}
}
