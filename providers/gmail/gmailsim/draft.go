package gmailsim

import (
	"fmt"
	"slices"
)

func (c *call) draft() (*draft, error) {
	if d := c.drafts[c.vars["id"]]; d != nil {
		return d, nil
	}
	return nil, errNotFound
}

func (d *draft) brief() wireDraft {
	m := d.message.brief()
	return wireDraft{ID: d.id, Message: &m}
}

func (c *call) createDraft() (any, error) {
	in, err := c.decodeDraft()
	if err != nil {
		return nil, err
	}
	if err := checkRaw(in.Message.Raw); err != nil {
		return nil, err
	}
	return c.newDraft(in.Message.Raw, c.join(*in.Message)).brief(), nil
}

func (t *txn) newDraft(raw []byte, into *thread) *draft {
	t.draftCount++
	d := &draft{id: fmt.Sprintf("r%d", 4_000_000_000_000_000_000+uint64(t.draftCount)*7919+t.salt)}
	t.drafts[d.id] = d
	t.draftOrder = append(t.draftOrder, d)
	t.fill(d, raw, into)
	return d
}

// fill gives a draft a new message: its content cannot be changed in place (drafts guide).
func (t *txn) fill(d *draft, raw []byte, into *thread) {
	d.message = t.compose(raw, []string{labelDraft}, into)
	d.message.draft = d
}

func (t *txn) dropDraft(d *draft) {
	delete(t.drafts, d.id)
	t.draftOrder = slices.DeleteFunc(t.draftOrder, func(o *draft) bool { return o == d })
}

func (c *call) getDraft() (any, error) {
	d, err := c.draft()
	if err != nil {
		return nil, err
	}
	m, err := c.render(d.message)
	if err != nil {
		return nil, err
	}
	return wireDraft{ID: d.id, Message: &m}, nil
}

func (c *call) updateDraft() (any, error) {
	d, err := c.draft()
	if err != nil {
		return nil, err
	}
	in, err := c.decodeDraft()
	if err != nil {
		return nil, err
	}
	if err := checkRaw(in.Message.Raw); err != nil {
		return nil, err
	}
	into, old := c.join(*in.Message), d.message.thread
	c.remove(d.message)
	if into == nil && len(old.messages) == 0 {
		into = old // a draft by itself keeps its thread
	}
	if into != nil {
		c.threads[into.id] = into
	}
	c.fill(d, in.Message.Raw, into)
	return d.brief(), nil
}

func (c *call) deleteDraft() (any, error) {
	d, err := c.draft()
	if err != nil {
		return nil, err
	}
	c.dropDraft(d)
	c.remove(d.message)
	return nil, nil
}

// sendDraft deletes the draft and makes a new message with a new id (drafts guide). A raw in the request
// replaces the draft's content first.
func (c *call) sendDraft() (any, error) {
	in, err := c.decodeDraft()
	if err != nil {
		return nil, err
	}
	d := c.drafts[in.ID]
	if d == nil && in.ID != "" {
		return nil, errNotFound
	}
	if d == nil {
		if err := checkRaw(in.Message.Raw); err != nil {
			return nil, err
		}
		m, err := c.send(in.Message.Raw, c.join(*in.Message))
		if err != nil {
			return nil, err
		}
		return m.brief(), nil
	}
	raw, into := d.message.raw, d.message.thread
	if len(in.Message.Raw) > 0 {
		raw = in.Message.Raw
	}
	m, err := c.send(raw, into)
	if err != nil {
		return nil, err
	}
	c.dropDraft(d)
	c.remove(d.message)
	return m.brief(), nil
}
