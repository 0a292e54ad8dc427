package dynamo

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"golang.org/x/sync/errgroup"
)

// A timer's item is the only kind that is in the index, so what that holds is what waits. Reading the index up to a moment
// touches only what is due, however many wait behind it.

// shards is how many partitions the index of timers has, so that many timers of one moment do not meet in one.
const shards = 16

const timerPrefix = "n#"

func timerKey(mailbox inbox.MailboxID, name string) key {
	return key{timersPart(mailbox), timerPrefix + name}
}

func shard(n int) string { return fmt.Sprintf("%x", n) }

func shardOf(k key) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(k.p + k.s))
	return shard(int(h.Sum32() % shards))
}

// SetTimer implements pipeline.Timers. The name is ours, at most 512 bytes.
func (t *Table) SetTimer(ctx context.Context, timer pipeline.Timer) error {
	err := errors.New("a timer needs a mailbox and a name that goes into a key")
	if timer.Mailbox != "" && timer.Name != "" && timer.Name == named(timer.Name) {
		k := timerKey(timer.Mailbox, timer.Name)
		err = t.replace(ctx, k.with(shardAttr, text(shardOf(k)), dueAttr, number(timer.Due.UnixMilli())), condition{})
	}
	if err != nil {
		return fmt.Errorf("dynamo: set timer %q of %s: %w", timer.Name, timer.Mailbox, err)
	}
	return nil
}

// DropTimer implements pipeline.Timers.
func (t *Table) DropTimer(ctx context.Context, timer pipeline.Timer) error {
	err := t.try(ctx, func() error {
		_, err := t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &t.name, Key: timerKey(timer.Mailbox, timer.Name).item(), ConditionExpression: aws.String("#t = :t"),
			ExpressionAttributeNames: map[string]string{"#t": dueAttr}, ExpressionAttributeValues: item{":t": number(timer.Due.UnixMilli())},
		})
		return err
	})
	if _, failed := failedCondition(err); failed || err == nil {
		return nil // it is not there, or was set anew
	}
	return fmt.Errorf("dynamo: drop timer %q of %s: %w", timer.Name, timer.Mailbox, err)
}

// Timer implements pipeline.Timers.
func (t *Table) Timer(ctx context.Context, mailbox inbox.MailboxID, name string) (pipeline.Timer, bool, error) {
	it, err := t.get(ctx, timerKey(mailbox, name))
	if err != nil {
		return pipeline.Timer{}, false, fmt.Errorf("dynamo: read timer %q of %s: %w", name, mailbox, err)
	}
	if it == nil {
		return pipeline.Timer{}, false, nil
	}
	return readTimer(it), true, nil
}

func readTimer(it item) pipeline.Timer {
	return pipeline.Timer{
		Mailbox: inbox.MailboxID(strings.TrimPrefix(textOf(it, partAttr), timersPart(""))),
		Name:    strings.TrimPrefix(textOf(it, sortAttr), timerPrefix),
		Due:     time.UnixMilli(numberOf(it, dueAttr)).UTC(),
	}
}

// DueTimers implements pipeline.Timers. All shards are read side by side, and what has been due for longest comes first.
func (t *Table) DueTimers(ctx context.Context, now time.Time, limit int) ([]pipeline.Timer, error) {
	var parts [shards][]pipeline.Timer
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(abreast)
	for n := range shards {
		g.Go(func() (err error) {
			parts[n], err = t.dueIn(ctx, shard(n), now, limit)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, fmt.Errorf("dynamo: read due timers: %w", err)
	}
	due := slices.Concat(parts[:]...)
	slices.SortStableFunc(due, func(a, b pipeline.Timer) int { return a.Due.Compare(b.Due) })
	return due[:min(len(due), max(limit, 0))], nil
}

func (t *Table) dueIn(ctx context.Context, shard string, now time.Time, limit int) (due []pipeline.Timer, err error) {
	in := &dynamodb.QueryInput{
		TableName: &t.name, IndexName: aws.String(dueIndex),
		KeyConditionExpression:    aws.String("d = :d AND #t <= :now"),
		ExpressionAttributeNames:  map[string]string{"#t": dueAttr},
		ExpressionAttributeValues: item{":d": text(shard), ":now": number(now.UnixMilli())},
	}
	for len(due) < limit {
		in.Limit = aws.Int32(int32(min(limit-len(due), 1000)))
		out, err := t.query(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, it := range out.Items {
			due = append(due, readTimer(it))
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			break
		}
	}
	return due, nil
}
