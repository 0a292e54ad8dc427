package dynamo

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// Encode and Decode are the codec of values.
func Encode(v any) ([]byte, error)     { return encode(v) }
func Decode(value []byte, v any) error { return decode(value, v) }

// ItemSize is an item's size by AWS's rules.
func ItemSize(it map[string]types.AttributeValue) int { return itemSize(it) }

// The bounds that tests go beyond.
const (
	MaxPending = maxPending
	MaxText    = maxText
)
