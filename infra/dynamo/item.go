package dynamo

import (
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// item is one item of the table, or the attributes of its key.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func (k key) item() item { return item{partAttr: text(k.p), sortAttr: text(k.s)} }

// with is an item of that key with more attributes, given as names and values by turns.
func (k key) with(pairs ...any) item {
	it := k.item()
	for i := 0; i < len(pairs); i += 2 {
		it[pairs[i].(string)] = pairs[i+1].(types.AttributeValue)
	}
	return it
}

func keyOf(it item) key { return key{textOf(it, partAttr), textOf(it, sortAttr)} }

// textOf is a text attribute, empty where there is none.
func textOf(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// numberOf is a number attribute, 0 where there is none.
func numberOf(it item, name string) int64 { return integer(it[name]) }

func integer(v types.AttributeValue) int64 {
	n, ok := v.(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	i, err := strconv.ParseInt(n.Value, 10, 64)
	if err != nil {
		return 0
	}
	return i
}

func bytesOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

// decodeItem decodes an item's value into v.
func decodeItem(it item, v any) error {
	if err := decode(bytesOf(it, valueAttr), v); err != nil {
		return fmt.Errorf("item %s of %s: %w", textOf(it, sortAttr), textOf(it, partAttr), err)
	}
	return nil
}
