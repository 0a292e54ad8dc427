package gmailsim

import (
	"regexp"
	"slices"
	"time"
)

// watchFor is how long a watch lasts (push guide).
const watchFor = 7 * 24 * time.Hour

// watch is the one watch a mailbox has in a project.
type watch struct {
	topic    string
	labels   []string
	exclude  bool
	expires  time.Time
	lastPush time.Time
	pushed   bool
}

var topicName = regexp.MustCompile(`^projects/[a-z][a-z0-9.:-]{4,}/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)

func (w *watch) active(now time.Time) bool { return w.topic != "" && now.Before(w.expires) }

func (c *call) watchMailbox() (any, error) {
	var in wireWatch
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !topicName.MatchString(in.TopicName) {
		return nil, invalid("Invalid topicName does not match projects/<project>/topics/*")
	}
	if !oneOf(in.LabelFilterBehavior, "include", "exclude", "INCLUDE", "EXCLUDE") || !oneOf(in.LabelFilterAction, "include", "exclude", "INCLUDE", "EXCLUDE") {
		return nil, invalid("Invalid value at 'label_filter_behavior', %q", in.LabelFilterBehavior)
	}
	for _, id := range in.LabelIDs {
		if c.labels[id] == nil {
			return nil, invalid("Invalid label: %s", id)
		}
	}
	if c.watch.active(c.now) && c.watch.topic != in.TopicName {
		return nil, invalid("Only one user push notification client allowed per developer (call /stop then try again)")
	}
	c.watch.topic, c.watch.labels, c.watch.expires = in.TopicName, in.LabelIDs, c.now.Add(watchFor)
	c.watch.exclude = slices.Contains([]string{in.LabelFilterBehavior, in.LabelFilterAction}, "exclude") || in.LabelFilterBehavior == "EXCLUDE"
	c.watch.pushed = false // the first notification is not held back
	c.push()
	return wireWatched{HistoryID: id64(c.historyID), Expiration: id64(c.watch.expires.UnixMilli())}, nil
}

func (c *call) stopWatch() (any, error) {
	c.watch.topic = ""
	return nil, nil
}

// notify raises a push for one change if the watch selects it.
func (t *txn) notify(msg *message, delta []string) {
	if len(t.watch.labels) > 0 {
		hit := slices.ContainsFunc(t.watch.labels, func(id string) bool { return msg.has(id) || slices.Contains(delta, id) })
		if hit == t.watch.exclude {
			return
		}
	}
	t.push()
}

// push queues a notification, or drops it: each user gets at most one a second (push guide).
func (t *txn) push() {
	if !t.watch.active(t.now) {
		return
	}
	if t.watch.pushed && t.now.Sub(t.watch.lastPush) < time.Second {
		t.sim.pushes.drop()
		return
	}
	t.watch.pushed, t.watch.lastPush = true, t.now
	t.sim.pushes.add(t.address, t.historyID, t.now)
}
