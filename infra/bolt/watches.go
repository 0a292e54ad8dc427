package bolt

import (
	"context"
	"fmt"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"go.etcd.io/bbolt"
)

func watchKey(id string) []byte { return append(key('w'), id...) }

func watchesOf(mailbox inbox.MailboxID) []byte { return appendID(key('m'), string(mailbox)) }

// Watch implements pipeline.Watches.
func (db *DB) Watch(ctx context.Context, id string) (w pipeline.Watch, there bool, err error) {
	if err := ctx.Err(); err != nil {
		return w, false, err
	}
	err = db.bolt.View(func(tx *bbolt.Tx) error {
		w, there, err = findWatch(tx.Bucket(watchesBucket), id)
		return err
	})
	if err != nil {
		return w, false, fmt.Errorf("bolt: read watch %s: %w", id, err)
	}
	return w, there, nil
}

func findWatch(b *bbolt.Bucket, id string) (w pipeline.Watch, there bool, err error) {
	v := b.Get(watchKey(id))
	if v == nil {
		return w, false, nil
	}
	err = decode(v, 0, &w)
	return w, err == nil, err
}

// SaveWatch implements pipeline.Watches.
func (db *DB) SaveWatch(ctx context.Context, w pipeline.Watch) error {
	return db.writeWatch(ctx, "save", w.ID, func(b box) error {
		if err := dropWatch(b.Bucket, w.ID); err != nil {
			return err
		}
		if err := b.put(watchKey(w.ID), &w); err != nil {
			return err
		}
		return b.Put(append(watchesOf(w.Mailbox), w.ID...), nil)
	})
}

// DropWatch implements pipeline.Watches.
func (db *DB) DropWatch(ctx context.Context, id string) error {
	return db.writeWatch(ctx, "drop", id, func(b box) error { return dropWatch(b.Bucket, id) })
}

func dropWatch(b *bbolt.Bucket, id string) error {
	was, there, err := findWatch(b, id)
	if err != nil || !there {
		return err
	}
	if err := b.Delete(append(watchesOf(was.Mailbox), id...)); err != nil {
		return err
	}
	return b.Delete(watchKey(id))
}

// WatchesOf implements pipeline.Watches. They come in the order of their ids.
func (db *DB) WatchesOf(ctx context.Context, mailbox inbox.MailboxID) (out []pipeline.Watch, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = db.bolt.View(func(tx *bbolt.Tx) error {
		b := tx.Bucket(watchesBucket)
		return box{Bucket: b}.walk(watchesOf(mailbox), nil, 0, func(id, _ []byte) error {
			w, _, err := findWatch(b, string(id))
			out = append(out, w)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("bolt: read watches of %s: %w", mailbox, err)
	}
	return out, nil
}

func (db *DB) writeWatch(ctx context.Context, what, id string, do func(b box) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.update(func(tx *bbolt.Tx, w *writer) error { return do(box{tx.Bucket(watchesBucket), w}) })
	if err != nil {
		return fmt.Errorf("bolt: %s watch %s: %w", what, id, err)
	}
	return nil
}
