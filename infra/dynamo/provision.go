package dynamo

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
)

// Provision keeps what provisioning needs, in partitions of its own, so that the role of the provision function reaches no
// mailbox's conversations. It is a provision.Journal and a provision.Locks; its methods may be called at once, by any
// number of processes.
type Provision struct{ t *Table }

var (
	_ provision.Journal = Provision{}
	_ provision.Locks   = Provision{}
)

// Provision gives the table's part for provisioning.
func (t *Table) Provision() Provision { return Provision{t} }

func journalPart(m inbox.MailboxID) string { return "j#" + string(m) }

const (
	entryPrefix    = "e#"
	recordedPrefix = "k#"
	holderAttr     = "h"
)

var lockKey = key{"l#provision", "l"}

func recordedKey(e provision.Entry) key {
	return key{journalPart(e.Mailbox), recordedPrefix + hash(e.Key+"\x00"+string(e.Stage))}
}

// maxRecorded is how many entries one transaction records: each is two items, and an entry may have what a signature has.
const maxRecorded = 20

// Record implements provision.Journal. Entries are written some at a time, each as a whole.
func (p Provision) Record(ctx context.Context, entries []provision.Entry) error {
	for _, e := range entries {
		if e.Key == "" || e.Stage == "" {
			return fmt.Errorf("dynamo: record what was provisioned: an entry of %q has no key or no stage", e.Mailbox)
		}
	}
	for len(entries) > 0 {
		part := entries[:min(maxRecorded, len(entries))]
		entries = entries[len(part):]
		if err := p.record(ctx, part); err != nil {
			return fmt.Errorf("dynamo: record what was provisioned at %s: %w", part[0].Mailbox, err)
		}
	}
	return ctx.Err()
}

// record writes what is not there yet. Whoever records the same at once makes it look again.
func (p Provision) record(ctx context.Context, entries []provision.Entry) error {
	for n := range attempts {
		if err := p.t.pause(ctx, max(0, n-1)); err != nil {
			return err
		}
		keys := make([]key, len(entries))
		for i, e := range entries {
			keys[i] = recordedKey(e)
		}
		there, err := p.t.batchGet(ctx, keys)
		if err != nil {
			return err
		}
		var items []types.TransactWriteItem
		for i, e := range entries {
			if there[keys[i]] != nil {
				continue
			}
			there[keys[i]] = item{} // the same may be asked for twice
			value, err := encode(e)
			if err != nil {
				return err
			}
			items = append(items,
				p.t.putItem(keys[i].item(), condition{text: "attribute_not_exists(p)"}),
				p.t.putItem(p.entryKey(e).with(valueAttr, binary(value)), condition{}))
		}
		if len(items) == 0 {
			return nil
		}
		if err := p.t.transactOr(ctx, items); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return &pipeline.Throttled{After: patience, What: "a journal that is being written all the time"}
}

// entryKey sorts entries by their time, and those of one time in the order of their being recorded.
func (p Provision) entryKey(e provision.Entry) key {
	return key{journalPart(e.Mailbox), fmt.Sprintf("%s%016x%08x#%019d", entryPrefix, uint64(e.At.Unix())^1<<63, e.At.Nanosecond(), p.t.order(1, 0))}
}

// Entries implements provision.Journal.
func (p Provision) Entries(ctx context.Context, mailbox inbox.MailboxID, cursor string, limit int) (out []provision.Entry, next string, err error) {
	s := under(journalPart(mailbox), entryPrefix)
	s.about = limit + 1
	if cursor != "" {
		after, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || !strings.HasPrefix(string(after), entryPrefix) || len(after) > maxName {
			return nil, "", fmt.Errorf("dynamo: entries of %s: %.40q is no cursor", mailbox, cursor)
		}
		s.from = string(after) + "#" // the next there could be
	}
	last := ""
	err = p.t.walk(ctx, s, func(it item) (bool, error) {
		if len(out) >= limit {
			next = base64.RawURLEncoding.EncodeToString([]byte(last))
			return false, nil
		}
		var e provision.Entry
		if err := decodeItem(it, &e); err != nil {
			return false, err
		}
		out, last = append(out, e), textOf(it, sortAttr)
		return true, nil
	})
	if err != nil {
		return nil, "", fmt.Errorf("dynamo: entries of %s: %w", mailbox, err)
	}
	return out, next, nil
}

// Lock implements provision.Locks.
func (p Provision) Lock(ctx context.Context, holder string, now, until time.Time) error {
	if holder == "" {
		return errors.New("dynamo: take the lock of provisioning: no holder is named")
	}
	it := lockKey.with(holderAttr, text(holder), seqAttr, number(until.UnixNano()))
	err := p.t.try(ctx, func() error {
		_, err := p.t.client.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &p.t.name, Item: it, ConditionExpression: aws.String("attribute_not_exists(p) OR h = :h OR n <= :n"),
			ExpressionAttributeValues:           item{":h": text(holder), ":n": number(now.UnixNano())},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		return err
	})
	if there, failed := failedCondition(err); failed {
		return &provision.Locked{Holder: textOf(there, holderAttr), Until: time.Unix(0, numberOf(there, seqAttr)).UTC()}
	}
	if err != nil {
		return fmt.Errorf("dynamo: take the lock of provisioning: %w", err)
	}
	return nil
}

// Unlock implements provision.Locks.
func (p Provision) Unlock(ctx context.Context, holder string) error {
	err := p.t.try(ctx, func() error {
		_, err := p.t.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{
			TableName: &p.t.name, Key: lockKey.item(), ConditionExpression: aws.String("h = :h"), ExpressionAttributeValues: item{":h": text(holder)},
		})
		return err
	})
	if _, failed := failedCondition(err); failed || err == nil {
		return nil // nobody has it, or somebody else
	}
	return fmt.Errorf("dynamo: give the lock of provisioning back: %w", err)
}
