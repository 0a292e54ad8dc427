package dynamo

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// itemSize is how many bytes DynamoDB counts for an item ("DynamoDB item sizes and formats"): names and texts as UTF-8,
// a number with one byte for every two digits and one more, 3 bytes for a map or list and 1 for each element.
func itemSize(it item) (n int) {
	for name, v := range it {
		n += len(name) + valueSize(v)
	}
	return n
}

func valueSize(v types.AttributeValue) (n int) {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		digits := strings.TrimLeft(strings.TrimLeft(v.Value, "-"), "0")
		n = (len(strings.TrimRight(digits, "0"))+1)/2 + 1
		if strings.HasPrefix(v.Value, "-") {
			n++
		}
		return n
	case *types.AttributeValueMemberM:
		n = 3
		for name, x := range v.Value {
			n += len(name) + valueSize(x) + 1
		}
		return n
	case *types.AttributeValueMemberL:
		n = 3
		for _, x := range v.Value {
			n += valueSize(x) + 1
		}
		return n
	}
	return 1
}
