package gmail

import (
	"context"
	"strings"
	"time"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/pipeline"
)

// Watch asks Gmail to publish a notification to the Pub/Sub topic ("projects/P/topics/T", in the service account's own
// project) whenever anything in the mailbox changes, labels taken off and mail sent among it. It lasts seven days and
// is to be renewed daily by calling it again (100 units). Notifications above one a second are dropped by Google and
// others may get lost, so that the cursor is to be read now and then all the same.
//
// A mailbox has one watch in a Cloud project. Another topic's comes back as *pipeline.Permanent.
func (m *Mailbox) Watch(ctx context.Context, topic string) (pipeline.Watch, error) {
	answer, err := m.account.users.Watch(m.user(), &api.WatchRequest{TopicName: topic}).Context(ctx).Do()
	if err != nil {
		err = m.account.explain("watch", err)
		if fix := watchFix(err); fix != "" {
			err = &pipeline.Permanent{What: "gmail: watch of " + m.user(), Fix: fix, Err: err}
		}
		return pipeline.Watch{}, err
	}
	return pipeline.Watch{
		ID: m.user(), Mailbox: m.account.address,
		Expires: time.UnixMilli(answer.Expiration).UTC(), Renewed: m.account.now().UTC(),
	}, nil
}

func watchFix(err error) string {
	switch text := err.Error(); {
	case strings.Contains(text, "Only one user push notification client"):
		return "this project watches the mailbox with another topic: stop that watch first, and give each environment a Cloud project of its own"
	case strings.Contains(text, "nvalid topicName"):
		return "name the topic as projects/PROJECT/topics/TOPIC, in the service account's own project"
	case strings.Contains(text, "not authorized to perform this action") || strings.Contains(text, "test message to Cloud PubSub"):
		return "grant Pub/Sub Publisher on the topic to gmail-api-push@system.gserviceaccount.com"
	}
	return ""
}

// Stop ends the mailbox's watch, whatever its topic; without one it does nothing. Notifications cease within a few
// minutes (50 units).
func (m *Mailbox) Stop(ctx context.Context) error {
	return m.account.explain("stop watch", m.account.users.Stop(m.user()).Context(ctx).Do())
}
