package dynamo

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The attributes of the team's item.
const (
	openPrefix   = "o:" // and a member: how many open conversations they have
	overflowAttr = "f"
	lastAttr     = "l"
	pendingAttr  = "q" // conversations that may have pending actions, each with the order of its newest
	spilledAttr  = "z" // the order of the newest action that has an item of its own because q was full
)

// The attributes of who handled a customer.
const (
	memberAttr = "m"
	atAttr     = "a"
)

// maxPending is from how many conversations on the team's item takes no more, so that it stays cheap to write. What is
// written above is then up to one transaction's conversations.
const maxPending = 250

// team adds the team's item: its counts, and the conversations with new actions. It is in each transaction once, however
// many units that has, and only where they change it.
func (g *group) team() {
	var set, add, must []string
	names, values := map[string]string{}, item{}
	if g.shift.Last != "" {
		set, values[":l"] = append(set, "#l = :l"), text(string(g.shift.Last))
		names["#l"] = lastAttr
	}
	if g.shift.Overflow != 0 {
		add, values[":f"] = append(add, "#f :f"), number(int64(g.shift.Overflow))
		names["#f"] = overflowAttr
	}
	for m, n := range g.shift.Open {
		i := fmt.Sprint(len(add))
		add, values[":o"+i] = append(add, "#o"+i+" :o"+i), number(int64(n))
		names["#o"+i] = openPrefix + string(m)
	}
	var newest int64
	for i, id := range g.ids {
		order := g.pending[id]
		if newest = max(newest, order); order == 0 || g.spills {
			continue
		}
		n := fmt.Sprint(i)
		set, values[":q"+n] = append(set, "q.#q"+n+" = :q"+n), number(order)
		names["#q"+n] = string(id)
		must = []string{"size(q) < :max"}
		values[":max"] = number(maxPending)
	}
	if g.spills && newest > 0 {
		set, values[":z"] = append(set, "z = :z"), number(newest)
	}
	if len(set)+len(add) == 0 {
		return
	}
	u := &types.Update{TableName: &g.name, Key: g.key(teamKey).item(), UpdateExpression: aws.String(update(set, add))}
	g.expression = len(*u.UpdateExpression)
	if len(names) > 0 {
		u.ExpressionAttributeNames = names
	}
	u.ExpressionAttributeValues = values
	if len(must) > 0 {
		u.ConditionExpression = aws.String(must[0])
		u.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
	}
	g.items, g.about = append(g.items, types.TransactWriteItem{Update: u}), append(g.about, about{kind: aTeam})
}

func update(set, add []string) string {
	var parts []string
	if len(set) > 0 {
		parts = append(parts, "SET "+strings.Join(set, ", "))
	}
	if len(add) > 0 {
		parts = append(parts, "ADD "+strings.Join(add, ", "))
	}
	return strings.Join(parts, " ")
}

// initTeam makes the map that a path into can be set, once in the life of a mailbox.
func (b box) initTeam(ctx context.Context) error {
	return b.try(ctx, func() error {
		_, err := b.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
			TableName: &b.name, Key: b.key(teamKey).item(),
			UpdateExpression:          aws.String("SET q = if_not_exists(q, :none)"),
			ExpressionAttributeValues: item{":none": &types.AttributeValueMemberM{Value: item{}}},
		})
		return err
	})
}
