package pipeline

import (
	"context"

	"github.com/postroom/postroom/core/decide"
	"github.com/postroom/postroom/core/inbox"
)

// adopt gives out the open work of people who have left the manifest. The count of open work says whether there is any, so
// the mailbox is searched only after a member has gone.
func (r *run) adopt(ctx context.Context) error {
	if !r.orphaned() {
		return nil
	}
	orphan := func(c inbox.Conversation) (decide.Decision, error) {
		return decide.Orphan(c, r.policy, decide.Situation{Team: r.team, Now: r.now}), nil
	}
	for after := inbox.ConversationID(""); ; {
		list, err := r.Store.List(ctx, r.id, after, messagesAPage)
		if err != nil {
			return err
		}
		for _, c := range list {
			after = c.ID
			if d, _ := orphan(c); len(d.Events) == 0 {
				continue
			}
			if _, err := r.change(ctx, c.ID, orphan); err != nil {
				return err
			}
		}
		if len(list) < messagesAPage {
			return nil
		}
	}
}

func (r *run) orphaned() bool {
	for member, open := range r.team.Open {
		if open > 0 && !r.policy.HasMember(member) {
			return true
		}
	}
	return false
}
