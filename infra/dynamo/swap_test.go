package dynamo_test

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
)

// twice makes each put a second time, as the SDK does when the answer of the first was lost.
type twice struct{ dynamo.Client }

func (c twice) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if _, err := c.Client.PutItem(ctx, in, o...); err != nil {
		return nil, err
	}
	return c.Client.PutItem(ctx, in, o...)
}

// TestPutTwice loses the answer of each put: what was stored is no conflict with itself, and what another process stores is
// one, even where it says the same.
func TestPutTwice(t *testing.T) {
	t.Parallel()
	client, name := newTable(t)
	d, other := dynamo.Open(twice{client}, name, dynamo.Options{}), dynamo.Open(twice{client}, name, dynamo.Options{})
	for version := range int64(3) {
		p := pipeline.Progress{Cursor: "cursor", Version: version}
		if err := d.SaveProgress(t.Context(), support, p); err != nil {
			t.Errorf("progress of version %d: %v", version, err)
		}
		if err := other.SaveProgress(t.Context(), support, p); !errors.Is(err, pipeline.ErrConflict) {
			t.Errorf("progress of version %d once more: %v", version, err)
		}
		if err := d.SaveRecord(t.Context(), "tick", []byte("value"), version); err != nil {
			t.Errorf("record of version %d: %v", version, err)
		}
		if err := other.SaveRecord(t.Context(), "tick", []byte("value"), version); !errors.Is(err, pipeline.ErrConflict) {
			t.Errorf("record of version %d once more: %v", version, err)
		}
	}
}
