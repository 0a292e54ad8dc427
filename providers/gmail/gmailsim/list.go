package gmailsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Limits of all lists: more is cut to the maximum (messages.list, history.list).
const (
	defaultResults = 100
	mostResults    = 500
)

func (c *call) maxResults() (int, error) {
	v := c.query.Get("maxResults")
	if v == "" {
		return defaultResults, nil
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil {
		return 0, invalid("Invalid value at 'max_results' (TYPE_UINT32), %q", v)
	}
	if n == 0 {
		return defaultResults, nil
	}
	return int(min(n, mostResults)), nil
}

// place is where a page ended in the order of messages.
type place struct {
	date int64
	seq  uint64
}

func (c *call) place() (place, bool, error) {
	token := c.query.Get("pageToken")
	if token == "" {
		return place{}, false, nil
	}
	date, seq, ok := strings.Cut(token, "-")
	d, err1 := strconv.ParseInt(date, 10, 64)
	n, err2 := strconv.ParseUint(seq, 10, 64)
	if !ok || err1 != nil || err2 != nil {
		return place{}, false, invalid("Invalid pageToken")
	}
	return place{d, n}, true, nil
}

func (m *message) place() string { return fmt.Sprintf("%d-%d", m.date, m.seq) }

// filter is what messages.list and threads.list select.
type filter struct {
	labels  []string
	all     bool // spam and trash too
	matches func(*message) bool
}

func (c *call) filter() (filter, error) {
	f := filter{labels: c.query["labelIds"]}
	for _, id := range f.labels {
		if c.labels[id] == nil {
			return f, invalid("Invalid label: %s", id)
		}
	}
	query, all, err := c.parseQuery(c.query.Get("q"))
	if err != nil {
		return f, err
	}
	f.matches = query
	if c.query.Get("q") != "" && c.sim.SearchDelay > 0 {
		indexed := c.now.Add(-c.sim.SearchDelay).UnixMilli()
		f.matches = func(m *message) bool { return m.date <= indexed && query(m) }
	}
	f.all = all || c.query.Get("includeSpamTrash") == "true" || slices.Contains(f.labels, labelTrash) || slices.Contains(f.labels, labelSpam)
	return f, nil
}

func (f filter) take(m *message) bool {
	for _, id := range f.labels {
		if !m.has(id) {
			return false
		}
	}
	if !f.all && (m.has(labelTrash) || m.has(labelSpam)) {
		return false
	}
	return f.matches(m)
}

// scan calls visit for the messages after the page token, newest first, until visit returns false.
func (c *call) scan(f filter, visit func(*message) bool) error {
	at, paged, err := c.place()
	if err != nil {
		return err
	}
	order := c.inOrder()
	if paged {
		end, _ := slices.BinarySearchFunc(order, &message{date: at.date, seq: at.seq}, older)
		order = order[:end]
	}
	for _, m := range slices.Backward(order) {
		if f.take(m) && !visit(m) {
			break
		}
	}
	return nil
}

func (c *call) listMessages() (any, error) {
	limit, err := c.maxResults()
	if err != nil {
		return nil, err
	}
	f, err := c.filter()
	if err != nil {
		return nil, err
	}
	var answer wireMessages
	last := ""
	err = c.scan(f, func(m *message) bool {
		if len(answer.Messages) == limit {
			answer.NextPageToken = last
			return false
		}
		answer.Messages = append(answer.Messages, wireMessage{ID: m.id, ThreadID: m.thread.id})
		last = m.place()
		return true
	})
	answer.ResultSizeEstimate = estimate(len(answer.Messages), answer.NextPageToken)
	return answer, err
}

func (c *call) listThreads() (any, error) {
	limit, err := c.maxResults()
	if err != nil {
		return nil, err
	}
	f, err := c.filter()
	if err != nil {
		return nil, err
	}
	var answer wireThreads
	last := ""
	err = c.scan(f, func(m *message) bool {
		// A thread stands where its newest matching message stands.
		for _, other := range m.thread.messages {
			if older(m, other) < 0 && f.take(other) {
				return true
			}
		}
		if len(answer.Threads) == limit {
			answer.NextPageToken = last
			return false
		}
		th := m.thread.wire()
		th.Messages = nil
		answer.Threads = append(answer.Threads, th)
		last = m.place()
		return true
	})
	answer.ResultSizeEstimate = estimate(len(answer.Threads), answer.NextPageToken)
	return answer, err
}

func (c *call) listDrafts() (any, error) {
	limit, err := c.maxResults()
	if err != nil {
		return nil, err
	}
	matches, _, err := c.parseQuery(c.query.Get("q"))
	if err != nil {
		return nil, err
	}
	from := 0
	if token := c.query.Get("pageToken"); token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 {
			return nil, invalid("Invalid pageToken")
		}
	}
	var answer wireDrafts
	for i, d := range slices.Backward(c.draftOrder) {
		if at := len(c.draftOrder) - 1 - i; at < from || !matches(d.message) {
			continue
		} else if len(answer.Drafts) == limit {
			answer.NextPageToken = strconv.Itoa(at)
			break
		}
		answer.Drafts = append(answer.Drafts, wireDraft{ID: d.id, Message: &wireMessage{ID: d.message.id, ThreadID: d.message.thread.id}})
	}
	answer.ResultSizeEstimate = estimate(len(answer.Drafts), answer.NextPageToken)
	return answer, nil
}

// estimate is exact on a last page and Gmail's well-known 201 before.
func estimate(n int, next string) int {
	if next != "" {
		return max(n+1, 201)
	}
	return n
}
