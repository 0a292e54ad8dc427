package graphsim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxBatch is how many requests a $batch may hold (Graph "Combine multiple
// requests in one HTTP call using JSON batching").
const maxBatch = 20

type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`

	req      *request
	refused  *response // decided before anything runs
	answered *response
}

// parseBatch reads and checks the envelope; an error is a 400 for all of it.
func parseBatch(body []byte) ([]*batchItem, error) {
	var envelope struct {
		Requests []*batchItem `json:"requests"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return nil, errors.New("invalid batch payload format")
	}
	items := envelope.Requests
	if len(items) == 0 {
		return nil, errors.New("the batch has no requests")
	}
	if len(items) > maxBatch {
		return nil, fmt.Errorf("number of batch request steps exceeds the maximum value of %d", maxBatch)
	}
	seen := map[string]bool{}
	for i, item := range items {
		switch {
		case item == nil || item.ID == "" || item.Method == "" || item.URL == "":
			return nil, fmt.Errorf("batch request %d has no id, method or url", i)
		case seen[strings.ToLower(item.ID)]:
			return nil, fmt.Errorf("request id %s is used twice in the batch", item.ID)
		case strings.Contains(item.URL, "://"):
			return nil, fmt.Errorf("the url of request %s is not relative", item.ID)
		}
		// A parent must stand before its child, which also rules out circles.
		for _, parent := range item.DependsOn {
			if !seen[strings.ToLower(parent)] {
				return nil, fmt.Errorf("request %s depends on %s, which does not stand before it", item.ID, parent)
			}
		}
		seen[strings.ToLower(item.ID)] = true
	}
	return items, nil
}

// prepare resolves an inner request.
func (s *Sim) prepare(item *batchItem, origin string) {
	refuse := func(resp response) { item.refused = &resp }
	header := http.Header{}
	for k, v := range item.Headers {
		header.Set(k, v)
	}
	path, query, _ := strings.Cut(item.URL, "?")
	if _, versioned := cutPrefixFold(strings.TrimPrefix(path, "/"), "v1.0/"); versioned {
		refuse(s.noRoute())
		return
	}
	body := []byte(item.Body)
	if bytes.Equal(body, []byte("null")) {
		body = nil
	}
	// A body that is not JSON travels as a string.
	var text string
	if len(body) > 0 && body[0] == '"' && json.Unmarshal(body, &text) == nil {
		body = []byte(text)
	}
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	req, err := s.newRequest(strings.ToUpper(item.Method), origin, path, query, header, body)
	if err != nil {
		refuse(s.badRequest("Malformed request: " + err.Error()))
		return
	}
	item.req = req
	switch {
	case req.segment(0) == "$batch":
		refuse(s.badRequest("A batch cannot hold a batch."))
	case len(body) > 0 && header.Get("Content-Type") == "":
		refuse(s.badRequest("Request " + item.ID + " has a body and no Content-Type header."))
	}
}

func (s *Sim) serveBatch(w http.ResponseWriter, r *http.Request, outer *request) {
	bad := func(resp response) {
		s.stats.add(nil, func(st *Stats) { st.Requests++ })
		write(w, resp)
	}
	if outer.method != http.MethodPost {
		bad(s.wrongMethod())
		return
	}
	items, err := parseBatch(outer.body)
	if err != nil {
		bad(s.badRequest(err.Error()))
		return
	}
	width := map[*mailbox]int{}
	sequential := len(items) > 1
	for i, item := range items {
		s.prepare(item, outer.origin)
		if i > 0 && len(item.DependsOn) == 0 {
			sequential = false
		}
		var mb *mailbox
		if item.req != nil {
			mb = item.req.mailbox
		}
		s.stats.add(mb, func(st *Stats) { st.Requests++ })
		if mb != nil {
			width[mb] = min(width[mb]+1, mailboxConcurrency)
		}
	}
	free := map[*mailbox]int{}
	for mb, n := range width {
		if sequential {
			n, width[mb] = 1, 1
		}
		free[mb] = s.stats.enter(mb, n)
		defer s.stats.leave(mb, n)
	}
	if !s.NoConcurrencyLimit {
		s.overflow(items, width, free)
	}
	s.dialed(w, r, nil, func() response { return s.runBatch(items) })
}

// overflow refuses the part of a batch that finds no place among the four: the
// service runs up to four at once, and as many in every four as are missing are
// over the limit.
func (s *Sim) overflow(items []*batchItem, width, free map[*mailbox]int) {
	index := map[*mailbox]int{}
	for _, item := range items {
		if item.req == nil || item.req.mailbox == nil {
			continue
		}
		mb := item.req.mailbox
		if index[mb]%width[mb] >= free[mb] {
			resp := s.overConcurrency()
			item.refused = &resp
		}
		index[mb]++
	}
}

func (s *Sim) runBatch(items []*batchItem) response {
	byID := map[string]*batchItem{}
	answers := make([]*batchItem, 0, len(items))
	for _, item := range items {
		resp := s.runItem(item, byID)
		item.answered = &resp
		byID[strings.ToLower(item.ID)] = item
		if resp.status == http.StatusTooManyRequests {
			var mb *mailbox
			if item.req != nil {
				mb = item.req.mailbox
			}
			s.stats.add(mb, func(st *Stats) { st.Throttled++ })
		}
		answers = append(answers, item)
	}
	s.shuffle(len(answers), func(i, j int) { answers[i], answers[j] = answers[j], answers[i] })
	b := append([]byte(nil), `{"responses":`...)
	b = appendList(b, answers, appendAnswer)
	return ok(append(b, '}'))
}

func (s *Sim) runItem(item *batchItem, done map[string]*batchItem) response {
	for _, parent := range item.DependsOn {
		if done[strings.ToLower(parent)].answered.status >= 300 {
			return s.fail(http.StatusFailedDependency, "FailedDependency", "The request failed because a request it depends on failed.")
		}
	}
	if item.refused != nil {
		return *item.refused
	}
	if s.Dial != nil {
		if rule, hit := s.Dial.NextInner(item.req.method, "/v1.0"+item.req.path); hit {
			return s.throttled("Application is over its MailboxConcurrency limit.", rule.RetryAfter)
		}
	}
	return s.handle(item.req)
}

// appendAnswer writes the answer to one request. A body that is not JSON travels
// as a base64 string.
func appendAnswer(b []byte, item *batchItem) []byte {
	resp := item.answered
	b = append(b, `{"id":`...)
	b = appendString(b, item.ID)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(resp.status), 10)
	b = append(b, `,"headers":{`...)
	isJSON := resp.header.Get("Content-Type") == "" // set only where the body is something else
	if isJSON && len(resp.body) > 0 {
		b = append(b, `"Content-Type":"`+jsonType+`"`...)
	}
	for _, k := range slices.Sorted(maps.Keys(resp.header)) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = appendString(b, k)
		b = append(b, ':')
		b = appendString(b, resp.header.Get(k))
	}
	b = append(b, '}')
	switch {
	case len(resp.body) == 0:
	case isJSON:
		b = append(b, `,"body":`...)
		b = append(b, resp.body...)
	default:
		b = append(b, `,"body":"`...)
		b = base64.StdEncoding.AppendEncode(b, resp.body)
		b = append(b, '"')
	}
	return append(b, '}')
}
