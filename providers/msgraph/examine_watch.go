package msgraph

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// lapsing is when a subscription has so little life left that nothing seems to renew it: one is renewed when half of its
// life has passed, so at more than three days before its end.
const lapsing = 48 * time.Hour

// subscriptions says of every declared mailbox whether Graph tells of its changes, and which subscriptions are to
// mailboxes that the manifest does not declare.
func (x *examining) subscriptions() {
	const check = CheckSubscription
	ctx, cancel := context.WithTimeout(x.ctx, requestTimeout)
	defer cancel()
	all, err := x.Client.subscribed(ctx)
	if err != nil {
		if refusal := asRefusal(err); refusal != nil {
			err = refusal
		}
		x.failed(check, "", err)
		return
	}
	slices.SortFunc(all, func(a, b subscription) int {
		return cmp.Or(strings.Compare(a.resource, b.resource), strings.Compare(a.id, b.id))
	})
	for i := range x.mailboxes {
		x.subscription(x.mailboxes[i].id, all)
	}
	for _, s := range all {
		if id := s.mailbox(); !slices.ContainsFunc(x.mailboxes, func(m looked) bool { return strings.EqualFold(string(m.id), id) }) {
			x.say(check, inbox.MailboxID(strings.ToLower(id)), provision.Bad,
				fmt.Sprintf("subscription %s to %s, which the manifest does not declare, until %s", s.id, s.resource, date(s.expires)),
				"run tick or serve once with this manifest, which ends the subscriptions it knows of; one that is left was made elsewhere: "+
					"end it with DELETE /subscriptions/"+s.id+" as the app, if no other installation uses it")
		}
	}
}

// subscription says whether changes of the mailbox are told of.
func (x *examining) subscription(id inbox.MailboxID, all []subscription) {
	const check = CheckSubscription
	resource := (&Watcher{Mailbox: id}).resource()
	var ours, elsewhere *subscription
	for i := range all {
		s := &all[i]
		if !strings.EqualFold(s.resource, resource) {
			continue
		}
		if x.NotificationURL != "" && s.notify != x.NotificationURL {
			elsewhere = s
		} else if ours == nil || s.expires.After(ours.expires) {
			ours = s
		}
	}
	const late = "its changes are seen with the next sweep only, some minutes late"
	switch {
	case ours != nil && ours.expires.Sub(x.Client.now()) < lapsing:
		x.say(check, id, provision.Warning, "its subscription ends on "+date(ours.expires)+", and nothing has renewed it",
			"look for \"the watch could not be renewed\" in the log of tick, or of serve")
	case ours != nil:
		x.say(check, id, provision.Good, "subscribed until "+date(ours.expires), "")
	case elsewhere != nil:
		x.say(check, id, provision.Bad, "its subscription notifies "+elsewhere.notify+" and not "+x.NotificationURL+": "+late,
			"end it with DELETE /subscriptions/"+elsewhere.id+" as the app, if no other installation of Postroom uses it; a new one is made within minutes")
	case x.NotificationURL != "":
		x.say(check, id, provision.Bad, "it has no subscription: "+late, "look for \"no notifications for now\" in the log of tick, or of serve; the reason stands there")
	default:
		x.say(check, id, provision.Warning, "it has no subscription: "+late, "nothing, where mailboxes are polled; else look for \"no notifications for now\" in the log of tick, or of serve")
	}
}

// mailbox is whose the resource is, as it is written there: users/ADDRESS/messages.
func (s *subscription) mailbox() string {
	parts := strings.Split(s.resource, "/")
	if len(parts) < 2 || !strings.EqualFold(parts[0], "users") {
		return ""
	}
	return parts[1]
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
