package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
)

// A watch has a partition of its own, which is all that verifying a notification reads, and a pointer beside its mailbox's
// timers. Both are written in one transaction.

const watchPointerPrefix = "w#"

func watchPointer(mailbox inbox.MailboxID, id string) key {
	return key{timersPart(mailbox), watchPointerPrefix + named(id)}
}

// Watch implements pipeline.Watches. The id may be anything that a stranger sends.
func (t *Table) Watch(ctx context.Context, id string) (pipeline.Watch, bool, error) {
	w, there, err := t.watch(ctx, id)
	if err != nil {
		return pipeline.Watch{}, false, fmt.Errorf("dynamo: read watch %.80q: %w", id, err)
	}
	return w, there, nil
}

func (t *Table) watch(ctx context.Context, id string) (w pipeline.Watch, there bool, err error) {
	it, err := t.get(ctx, watchKey(id))
	if err != nil || it == nil {
		return w, false, err
	}
	if err := decodeItem(it, &w); err != nil || w.ID != id {
		return pipeline.Watch{}, false, err
	}
	return w, true, nil
}

// SaveWatch implements pipeline.Watches.
func (t *Table) SaveWatch(ctx context.Context, w pipeline.Watch) error {
	err := errors.New("a watch needs an id and a mailbox")
	if w.ID != "" && w.Mailbox != "" {
		err = t.changeWatch(ctx, w.ID, &w)
	}
	if err != nil {
		return fmt.Errorf("dynamo: save watch %s of %s: %w", w.ID, w.Mailbox, err)
	}
	return nil
}

// DropWatch implements pipeline.Watches.
func (t *Table) DropWatch(ctx context.Context, id string) error {
	if err := t.changeWatch(ctx, id, nil); err != nil {
		return fmt.Errorf("dynamo: drop watch %.80q: %w", id, err)
	}
	return nil
}

// changeWatch puts a watch in place of what there is, or nothing where it is nil.
func (t *Table) changeWatch(ctx context.Context, id string, next *pipeline.Watch) error {
	for n := range attempts {
		if err := t.pause(ctx, max(0, n-1)); err != nil {
			return err
		}
		was, there, err := t.watch(ctx, id)
		if err != nil || !there && next == nil {
			return err
		}
		must := condition{text: "attribute_not_exists(p)"}
		if there {
			must = condition{text: "c = :c", values: item{":c": text(string(was.Mailbox))}}
		}
		var items []types.TransactWriteItem
		if there && (next == nil || next.Mailbox != was.Mailbox) {
			items = append(items, t.deleteItem(watchPointer(was.Mailbox, id), condition{}))
		}
		if next == nil {
			items = append(items, t.deleteItem(watchKey(id), must))
		} else {
			value, err := encode(next)
			if err != nil {
				return err
			}
			items = append(items,
				t.putItem(watchKey(id).with(convAttr, text(string(next.Mailbox)), valueAttr, binary(value)), must),
				t.putItem(watchPointer(next.Mailbox, id).item(), condition{}))
		}
		if err := t.transactOr(ctx, items); !errors.Is(err, errOvertaken) {
			return err
		}
	}
	return &pipeline.Throttled{After: patience, What: "a watch that is being written all the time"}
}

func (t *Table) deleteItem(k key, must condition) types.TransactWriteItem {
	d := &types.Delete{TableName: &t.name, Key: k.item()}
	if must.text != "" {
		d.ConditionExpression, d.ExpressionAttributeValues = aws.String(must.text), must.values
	}
	return types.TransactWriteItem{Delete: d}
}

// WatchesOf implements pipeline.Watches. They come in the order of their ids.
func (t *Table) WatchesOf(ctx context.Context, mailbox inbox.MailboxID) (out []pipeline.Watch, err error) {
	return read(t, "watches", mailbox, func(box) ([]pipeline.Watch, error) {
		var keys []key
		err := t.walk(ctx, under(timersPart(mailbox), watchPointerPrefix), func(it item) (bool, error) {
			keys = append(keys, key{"w#" + textOf(it, sortAttr)[len(watchPointerPrefix):], "w"})
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		found, err := t.batchGet(ctx, keys)
		if err != nil {
			return nil, err
		}
		var out []pipeline.Watch
		for _, it := range found {
			var w pipeline.Watch
			if err := decodeItem(it, &w); err != nil {
				return nil, err
			}
			if w.Mailbox == mailbox { // else it has changed since its pointer was read
				out = append(out, w)
			}
		}
		slices.SortFunc(out, func(a, b pipeline.Watch) int { return cmp.Compare(a.ID, b.ID) })
		return out, nil
	})
}
