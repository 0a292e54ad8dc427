package gmailsim

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
)

// kind is what a history record says; the values are those of the historyTypes parameter.
type kind string

const (
	addedMessage   kind = "messageAdded"
	deletedMessage kind = "messageDeleted"
	addedLabels    kind = "labelAdded"
	removedLabels  kind = "labelRemoved"
)

// record is one change. labels is what the message had right after it.
type record struct {
	id     uint64
	kind   kind
	msg    *message
	delta  []string
	labels []string
}

func (t *txn) record(msg *message, k kind, delta []string) {
	t.historyID += gap(t.historyID)
	msg.historyID = t.historyID
	t.history = append(t.history, record{id: t.historyID, kind: k, msg: msg, delta: delta, labels: msg.labels})
	t.notify(msg, delta)
}

// ExpireHistory makes every history id given out so far too old, except the current one.
func (s *Sim) ExpireHistory(address string) error {
	return s.edit(address, func(t *txn) error {
		t.historyFloor = t.historyID
		t.history = nil
		return nil
	})
}

// HistoryID is the mailbox's current history id.
func (s *Sim) HistoryID(address string) (id uint64, err error) {
	err = s.edit(address, func(t *txn) error {
		id = t.historyID
		return nil
	})
	return id, err
}

func (c *call) listHistory() (any, error) {
	start, err := strconv.ParseUint(c.query.Get("startHistoryId"), 10, 64)
	if err != nil {
		return nil, invalid("Missing/invalid startHistoryId")
	}
	if start < c.historyFloor || start > c.historyID {
		return nil, errNotFound
	}
	limit, err := c.maxResults()
	if err != nil {
		return nil, err
	}
	types := c.query["historyTypes"]
	for _, typ := range types {
		if !slices.Contains([]kind{addedMessage, deletedMessage, addedLabels, removedLabels}, kind(typ)) {
			return nil, invalid("Invalid value at 'history_types' (type.googleapis.com/HistoryType), %q", typ)
		}
	}
	after := start
	if token := c.query.Get("pageToken"); token != "" {
		if after, err = strconv.ParseUint(token, 10, 64); err != nil || after < start || after > c.historyID {
			return nil, invalid("Invalid pageToken")
		}
	}
	from := sort.Search(len(c.history), func(i int) bool { return c.history[i].id > after })
	labelID := c.query.Get("labelId")
	answer := wireHistoryList{HistoryID: id64(c.historyID)}
	for i := from; i < len(c.history); i++ {
		rec := &c.history[i]
		if len(types) > 0 && !slices.Contains(types, string(rec.kind)) {
			continue
		}
		labels := c.labelsOf(rec)
		if labelID != "" && !slices.Contains(labels, labelID) {
			continue
		}
		if len(answer.History) == limit {
			answer.NextPageToken = fmt.Sprint(uint64(answer.History[limit-1].ID))
			break
		}
		answer.History = append(answer.History, rec.wire(labels))
	}
	return answer, nil
}

func (t *txn) labelsOf(rec *record) []string {
	if t.sim.LabelsAtRecordTime {
		return rec.labels
	}
	return rec.msg.labels
}

func (rec *record) wire(labels []string) wireHistory {
	bare := wireMessage{ID: rec.msg.id, ThreadID: rec.msg.thread.id}
	msg := bare
	msg.LabelIDs = labels
	h := wireHistory{ID: id64(rec.id), Messages: []wireMessage{bare}}
	switch rec.kind {
	case addedMessage:
		h.MessagesAdded = []wireHistoryMessage{{msg}}
	case deletedMessage:
		h.MessagesDeleted = []wireHistoryMessage{{msg}}
	case addedLabels:
		h.LabelsAdded = []wireHistoryLabelled{{msg, rec.delta}}
	case removedLabels:
		h.LabelsRemoved = []wireHistoryLabelled{{msg, rec.delta}}
	}
	return h
}
