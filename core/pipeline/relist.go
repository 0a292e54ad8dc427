package pipeline

import (
	"context"
	"hash/maphash"

	"github.com/postroom/postroom/core/inbox"
)

// A listing from nothing tells what is there, but not what has left the inbox meanwhile: such mail would be somebody's open
// work for ever. So whatever was last seen in the inbox and is not listed is asked after one by one. In the very first
// listing nothing is known yet, and there is nothing to ask after; unless it died between committing its first page and
// keeping the cursor behind it, and begins anew.

// relist begins to note what is listed, if anything is known that could have left.
func (r *run) relist(ctx context.Context) error {
	some, err := r.Store.List(ctx, r.id, "", 1)
	if len(some) > 0 {
		r.progress.Relisting = true
		r.listedIDs = map[uint64]bool{}
	}
	return err
}

// note remembers what a page showed while a listing is under way, a hash of each message. After a restart in the middle the
// notes are gone, and a few more messages are asked after than need be.
func (r *run) note(page Page) {
	if !r.progress.Relisting {
		return
	}
	if r.listedIDs == nil {
		r.listedIDs = map[uint64]bool{}
	}
	for _, o := range page.Changes {
		r.listedIDs[maphash.String(seed, string(o.ID))] = true
	}
}

var seed = maphash.MakeSeed()

// account asks after every message that should be in the inbox and was not listed.
func (r *run) account(ctx context.Context) error {
	if !r.progress.Relisting {
		return nil
	}
	var missing []inbox.MessageID
	ask := func() error {
		if len(missing) == 0 {
			return nil
		}
		found, err := r.mailbox.Fetch(ctx, missing)
		if err != nil {
			return err
		}
		missing = nil
		return r.take(ctx, found)
	}
	for after := inbox.ConversationID(""); ; {
		list, err := r.Store.List(ctx, r.id, after, messagesAPage)
		if err != nil {
			return err
		}
		for _, c := range list {
			after = c.ID
			if c.InInbox == 0 {
				continue
			}
			if err := r.unlisted(ctx, c.ID, &missing); err != nil {
				return err
			}
			if len(missing) >= chunk {
				if err := ask(); err != nil {
					return err
				}
			}
		}
		if len(list) < messagesAPage {
			break
		}
	}
	if err := ask(); err != nil {
		return err
	}
	r.progress.Relisting, r.listedIDs = false, nil
	return r.save(ctx)
}

// unlisted appends the messages of a conversation that should be in the inbox and were not listed.
func (r *run) unlisted(ctx context.Context, id inbox.ConversationID, missing *[]inbox.MessageID) error {
	for after := inbox.MessageID(""); ; {
		page, err := r.Store.Messages(ctx, r.id, id, after, messagesAPage)
		if err != nil {
			return err
		}
		for _, k := range page {
			after = k.ID
			if k.Direction == inbox.In && !k.Gone && k.State.Place == inbox.Inbox && !r.listedIDs[maphash.String(seed, string(k.ID))] {
				*missing = append(*missing, k.ID)
			}
		}
		if len(page) < messagesAPage {
			return nil
		}
	}
}
