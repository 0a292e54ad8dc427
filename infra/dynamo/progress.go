package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// Mailbox implements pipeline.Cursors.
func (t *Table) Mailbox(ctx context.Context, mailbox inbox.MailboxID) (pipeline.Progress, error) {
	return read(t, "progress", mailbox, func(b box) (p pipeline.Progress, err error) {
		it, err := b.get(ctx, b.key(progressKey))
		if err != nil || it == nil {
			return p, err
		}
		if err := decodeItem(it, &p); err != nil {
			return pipeline.Progress{}, err
		}
		p.Version = numberOf(it, seqAttr)
		return p, nil
	})
}

// SaveProgress implements pipeline.Cursors.
func (t *Table) SaveProgress(ctx context.Context, mailbox inbox.MailboxID, next pipeline.Progress) error {
	if mailbox == "" {
		return errors.New("dynamo: save progress: no mailbox is named")
	}
	b, version := box{Table: t, mailbox: mailbox}, next.Version
	next.Version = 0 // it has an attribute of its own
	value, err := encode(next)
	if err == nil {
		err = b.swap(ctx, b.key(progressKey), binary(value), version)
	}
	if err != nil {
		return fmt.Errorf("dynamo: save progress of %s: %w", mailbox, err)
	}
	return nil
}

// Record reads a record of the deployment's own, and its version; 0: there is none.
func (t *Table) Record(ctx context.Context, name string) (value []byte, version int64, err error) {
	it, err := t.get(ctx, recordKey(name))
	if err != nil {
		return nil, 0, fmt.Errorf("dynamo: read record %s: %w", name, err)
	}
	return bytesOf(it, valueAttr), numberOf(it, seqAttr), nil
}

// SaveRecord stores a record, at most 350 KB, if what is stored still has that version, 0 for none; it then has the next
// one. Else it returns pipeline.ErrConflict and stores nothing. After any other error it may be stored or not.
func (t *Table) SaveRecord(ctx context.Context, name string, value []byte, version int64) error {
	if err := t.swap(ctx, recordKey(name), binary(value), version); err != nil {
		return fmt.Errorf("dynamo: save record %s: %w", name, err)
	}
	return nil
}

// swap puts an item whose version still is that one.
func (t *Table) swap(ctx context.Context, k key, value types.AttributeValue, version int64) error {
	must := condition{text: "attribute_not_exists(p)"}
	if version != 0 {
		must = condition{text: "n = :n", values: item{":n": number(version)}}
	}
	err := t.replace(ctx, k.with(seqAttr, number(version+1), valueAttr, value, markAttr, text(rand.Text())), must)
	if errors.Is(err, errOvertaken) {
		return fmt.Errorf("it is not of version %d any more: %w", version, pipeline.ErrConflict)
	}
	return err
}

// Times in attributes are text, with nanoseconds.

func formatTime(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

func parseTime(s string) (time.Time, error) { return time.Parse(time.RFC3339Nano, s) }
