package gmail

import (
	"context"
	"time"

	api "google.golang.org/api/gmail/v1"

	"github.com/postroom/postroom/core/provision"
)

const (
	replyOn  = "on"
	replyOff = "off"
)

// readAutoReply: a responder whose last day is over is off, and one that is yet to begin is on.
func (s *Settings) readAutoReply(ctx context.Context, m *Mailbox, r *reading) error {
	v, err := m.vacation(ctx)
	if err != nil {
		return err
	}
	value := replyOff
	if replies(v, m.account.now()) {
		value = replyOn
	}
	r.put(provision.AutoReply, "", value)
	return nil
}

func replies(v *api.VacationSettings, now time.Time) bool {
	return v.EnableAutoReply && (v.EndTime == 0 || now.UnixMilli() < v.EndTime)
}

func (m *Mailbox) vacation(ctx context.Context) (*api.VacationSettings, error) {
	v, err := m.account.users.Settings.GetVacation(m.user()).Context(ctx).Do()
	if err != nil {
		return nil, m.account.explain("read the automatic reply", err)
	}
	return v, nil
}

// doAutoReply keeps the text, so that whoever wrote it has it still. Gmail refuses to reply without any.
func (s *Settings) doAutoReply(ctx context.Context, m *Mailbox, step provision.Step) error {
	v, err := m.vacation(ctx)
	if err != nil {
		return err
	}
	on := step.After == replyOn
	if replies(v, m.account.now()) == on {
		return nil
	}
	v.EnableAutoReply, v.ForceSendFields = on, []string{"EnableAutoReply"}
	if on {
		v.EndTime = 0 // it is over, or the reply would be on
	}
	_, err = m.account.users.Settings.UpdateVacation(m.user(), v).Context(ctx).Do()
	return m.account.explain("switch the automatic reply "+step.After, err)
}
