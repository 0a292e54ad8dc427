package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes of keys, of the table and of the index of timers.
const (
	partAttr  = "p"
	sortAttr  = "s"
	shardAttr = "d"
	dueAttr   = "t"

	dueIndex = "due"
)

// Definition is the shape of the table: what tests create, and what the deployment's templates have to say too. Encryption
// with a KMS key, point-in-time recovery, deletion protection and tags are the templates' own.
func Definition(table string) *dynamodb.CreateTableInput {
	attribute := func(name string, kind types.ScalarAttributeType) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: kind}
	}
	keys := func(hash, order string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(hash), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(order), KeyType: types.KeyTypeRange},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName:   aws.String(table),
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			attribute(partAttr, types.ScalarAttributeTypeS), attribute(sortAttr, types.ScalarAttributeTypeS),
			attribute(shardAttr, types.ScalarAttributeTypeS), attribute(dueAttr, types.ScalarAttributeTypeN),
		},
		KeySchema: keys(partAttr, sortAttr),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{{
			IndexName:  aws.String(dueIndex),
			KeySchema:  keys(shardAttr, dueAttr),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
		}},
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	}
}
