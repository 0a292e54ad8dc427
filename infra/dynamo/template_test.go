package dynamo_test

import (
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/postroom/postroom/infra/dynamo"
)

// TestTemplate holds the table that is deployed to Definition. It reads what the CDK yields; that the SAM template yields
// the same, the tests of infra/cdk show.
func TestTemplate(t *testing.T) {
	text, err := os.ReadFile("../cdk/test/testdata/nothing.template.json")
	if err != nil {
		t.Fatal(err)
	}
	type schema []struct{ AttributeName, KeyType string }
	type shape struct {
		AttributeDefinitions   []struct{ AttributeName, AttributeType string }
		BillingMode            string
		KeySchema              schema
		GlobalSecondaryIndexes []struct {
			IndexName  string
			KeySchema  schema
			Projection struct {
				ProjectionType   string
				NonKeyAttributes []string
			}
		}
		LocalSecondaryIndexes []any
		StreamSpecification   struct{ StreamViewType string }
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties json.RawMessage
		}
	}
	if err := json.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	var deployed []shape
	for _, r := range template.Resources {
		if r.Type != "AWS::DynamoDB::Table" {
			continue
		}
		var s shape
		if err := json.Unmarshal(r.Properties, &s); err != nil {
			t.Fatal(err)
		}
		deployed = append(deployed, s)
	}

	// CloudFormation's words are those of the API but for streams, which it has on when it has a view.
	definition, err := json.Marshal(dynamo.Definition("postroom"))
	if err != nil {
		t.Fatal(err)
	}
	var want shape
	if err := json.Unmarshal(definition, &want); err != nil {
		t.Fatal(err)
	}
	if len(deployed) != 1 || !reflect.DeepEqual(deployed[0], want) {
		t.Errorf("the templates have\n%+v\nDefinition is\n%+v", deployed, want)
	}
}
