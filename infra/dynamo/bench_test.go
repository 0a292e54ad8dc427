package dynamo_test

import (
	"testing"

	"github.com/postroom/postroom/core/coretest"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// BenchmarkValue encodes and decodes what a commit writes.
func BenchmarkValue(b *testing.B) {
	u := coretest.Arrival(support, 1)
	b.ReportAllocs()
	for b.Loop() {
		value, err := dynamo.Encode(u)
		if err != nil {
			b.Fatal(err)
		}
		var out pipeline.Unit
		if err := dynamo.Decode(value, &out); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCommit commits one new conversation and settles its action, as one new mail does, against the engine.
func BenchmarkCommit(b *testing.B) {
	client, name := newTable(b)
	d := dynamo.Open(client, name, dynamo.Options{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		u := coretest.Arrival(support, i)
		if err := d.Commit(b.Context(), support, []pipeline.Unit{u}); err != nil {
			b.Fatal(err)
		}
		if err := d.Settle(b.Context(), support, []string{u.Actions[0].Key}, u.Joined); err != nil {
			b.Fatal(err)
		}
		if _, err := d.Pending(b.Context(), support, 0); err != nil {
			b.Fatal(err)
		}
	}
}
