package gmailsim

import (
	"slices"

	"github.com/postroom/postroom/core/mail"
)

func (c *call) getProfile() (any, error) {
	return wireProfile{EmailAddress: c.address, MessagesTotal: len(c.byID), ThreadsTotal: len(c.threads), HistoryID: id64(c.historyID)}, nil
}

func (c *call) message(id string) (*message, error) {
	if m := c.byID[id]; m != nil {
		return m, nil
	}
	return nil, errNotFound
}

func (c *call) getMessage() (any, error) {
	m, err := c.message(c.vars["id"])
	if err != nil {
		return nil, err
	}
	return c.render(m)
}

// render writes a message in the format asked for.
func (c *call) render(m *message) (wireMessage, error) {
	w := wireMessage{
		ID: m.id, ThreadID: m.thread.id, LabelIDs: m.labels, Snippet: m.snippet,
		HistoryID: id64(m.historyID), InternalDate: id64(m.date), SizeEstimate: len(m.raw),
	}
	switch format := c.query.Get("format"); format {
	case "minimal":
	case "raw":
		w.Raw = m.raw
	case "metadata":
		w.Payload = metadata(m.raw, c.query["metadataHeaders"])
	case "full", "":
		w.Payload = c.sim.payload(m)
	default:
		return w, invalid("Invalid value at 'format' (type.googleapis.com/MessageFormat), %q", format)
	}
	return w, nil
}

// brief is what modifying calls answer.
func (m *message) brief() wireMessage {
	return wireMessage{ID: m.id, ThreadID: m.thread.id, LabelIDs: m.labels}
}

// checkLabels refuses what may not be set by a client.
func (mb *mailbox) checkLabels(add, remove []string) error {
	if len(add) > maxLabelsCall || len(remove) > maxLabelsCall {
		return invalid("Too many labels: at most %d can be added and %d removed at once", maxLabelsCall, maxLabelsCall)
	}
	if len(add)+len(remove) == 0 {
		return invalid("No label add or removes specified")
	}
	for _, id := range slices.Concat(add, remove) {
		if mb.labels[id] == nil || id == labelSent || id == labelDraft {
			return invalid("Invalid label: %s", id)
		}
	}
	for _, id := range add {
		if slices.Contains(remove, id) {
			return invalid("Cannot both add and remove the same label")
		}
	}
	return nil
}

func (c *call) modifyMessage() (any, error) {
	m, err := c.message(c.vars["id"])
	if err != nil {
		return nil, err
	}
	var in wireModify
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := c.checkLabels(in.AddLabelIDs, in.RemoveLabelIDs); err != nil {
		return nil, err
	}
	if m.draft != nil {
		return nil, precondition("Labels can't be applied to drafts")
	}
	c.relabel(m, in.AddLabelIDs, in.RemoveLabelIDs)
	return m.brief(), nil
}

// maxBatch is the number of ids of one batchModify.
const maxBatch = 1000

// batchModify passes over unknown ids and drafts: it has no answer to tell of them.
func (c *call) batchModify() (any, error) {
	var in wireBatchModify
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if len(in.IDs) == 0 {
		return nil, invalid("No message ids specified")
	}
	if len(in.IDs) > maxBatch {
		return nil, invalid("Too many message ids: at most %d", maxBatch)
	}
	if err := c.checkLabels(in.AddLabelIDs, in.RemoveLabelIDs); err != nil {
		return nil, err
	}
	for _, id := range in.IDs {
		if m := c.byID[id]; m != nil && m.draft == nil {
			c.relabel(m, in.AddLabelIDs, in.RemoveLabelIDs)
		}
	}
	return nil, nil
}

func (c *call) trashMessage() (any, error) {
	m, err := c.message(c.vars["id"])
	if err != nil {
		return nil, err
	}
	c.relabel(m, []string{labelTrash}, []string{labelInbox})
	return m.brief(), nil
}

func (c *call) untrashMessage() (any, error) {
	m, err := c.message(c.vars["id"])
	if err != nil {
		return nil, err
	}
	c.relabel(m, nil, []string{labelTrash})
	return m.brief(), nil
}

func (c *call) deleteMessage() (any, error) {
	m, err := c.message(c.vars["id"])
	if err != nil {
		return nil, err
	}
	if m.draft != nil {
		c.dropDraft(m.draft)
	}
	c.remove(m)
	return nil, nil
}

// insertMessage appends as IMAP would: no delivery, no scanning, the date of receipt.
func (c *call) insertMessage() (any, error) { return c.store("receivedTime") }

// importMessage stores as if delivered, dated by its Date field.
func (c *call) importMessage() (any, error) { return c.store("dateHeader") }

func (c *call) store(dated string) (any, error) {
	in, err := c.decodeMessage()
	if err != nil {
		return nil, err
	}
	for _, id := range in.LabelIDs {
		if c.labels[id] == nil || id == labelDraft {
			return nil, invalid("Invalid label: %s", id)
		}
	}
	at := c.now
	if v := c.query.Get("internalDateSource"); v != "" {
		if !oneOf(v, "receivedTime", "dateHeader") {
			return nil, invalid("Invalid value at 'internal_date_source', %q", v)
		}
		dated = v
	}
	if m, err := mail.ParseHeader(in.Raw); err != nil {
		return nil, invalid("Invalid message: %s", err)
	} else if dated == "dateHeader" && !m.Date.IsZero() {
		at = m.Date
	}
	labels := slices.Compact(slices.Sorted(slices.Values(in.LabelIDs)))
	return c.deliver(in.Raw, labels, at).brief(), nil
}

// join is the thread that a request names, if the mail meets the rules for it: an answer to a mail of the thread
// under the same subject (Message.threadId in the discovery document).
func (c *call) join(in wireMessage) *thread {
	th := c.threads[in.ThreadID]
	if th == nil {
		return nil
	}
	m, err := mail.ParseHeader(in.Raw)
	if err != nil || c.threadFor(m, baseSubject(m.Subject)) != th {
		return nil
	}
	return th
}
