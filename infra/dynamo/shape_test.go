package dynamo_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/dynamo/engine"
)

// TestOtherShape opens tables that are not Postroom's: one without the index, one with another key. DynamoDB calls both a
// ValidationException.
func TestOtherShape(t *testing.T) {
	t.Parallel()
	client := engine.Start(t)
	bare := dynamo.Definition("bare")
	bare.GlobalSecondaryIndexes, bare.AttributeDefinitions = nil, bare.AttributeDefinitions[:2]
	foreign := dynamo.Definition("foreign")
	foreign.GlobalSecondaryIndexes, foreign.AttributeDefinitions, foreign.KeySchema = nil, bare.AttributeDefinitions[:1], bare.KeySchema[:1]
	for _, definition := range []*dynamodb.CreateTableInput{bare, foreign} {
		if _, err := client.CreateTable(t.Context(), definition); err != nil {
			t.Fatal(err)
		}
	}
	permanent := func(err error, table string) {
		t.Helper()
		var p *pipeline.Permanent
		if !errors.As(err, &p) || !strings.Contains(err.Error(), "table "+table) || !strings.Contains(p.Fix, "POSTROOM_TABLE") {
			t.Errorf("got %v, want that table %s is not of our shape, and the fix", err, table)
		}
	}
	_, err := dynamo.Open(client, "bare", dynamo.Options{}).DueTimers(t.Context(), epoch, 1)
	permanent(err, "bare")
	_, err = dynamo.Open(client, "foreign", dynamo.Options{}).Mailbox(t.Context(), support)
	permanent(err, "foreign")
}
