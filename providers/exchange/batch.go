package exchange

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// batchSize is how many commands one $batch carries.
const batchSize = 10

// The bodies of $batch.
type (
	batch struct {
		Requests []batchRequest `json:"requests"`
	}
	batchRequest struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    invocation        `json:"body"`
	}
	batchAnswer struct {
		Responses []struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"responses"`
	}
)

// batch runs up to ten commands in one request. The ones that are throttled inside it, or that got no answer, run again by
// themselves, which waits as it has to; so commands have to be such that running them again does no harm.
func (e *Endpoint) batch(ctx context.Context, commands []Command, out []Result) error {
	if len(commands) == 0 {
		return nil
	}
	var b batch
	for i := range commands {
		headers := map[string]string{}
		for name, values := range e.headers(&commands[i]) {
			headers[name] = values[0]
		}
		b.Requests = append(b.Requests, batchRequest{
			ID: strconv.Itoa(i + 1), Method: http.MethodPost, URL: e.invokeURL(&commands[i]).String(),
			Headers: headers, Body: commands[i].invocation(),
		})
	}
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("write a batch: %w", err)
	}
	a, err := e.post(ctx, e.url("$batch"), e.headers(&Command{}), body)
	if err != nil {
		return err
	}
	var got batchAnswer
	if a.status < 200 || a.status > 299 {
		return newFailure("a batch", a.status, a.body)
	}
	if err := json.Unmarshal(a.body, &got); err != nil {
		return &provision.NotYet{Err: errors.New("the answer to a batch is no JSON")}
	}
	answered := make([]bool, len(commands))
	var after time.Duration
	for _, r := range got.Responses {
		at, err := strconv.Atoi(r.ID)
		if at--; err != nil || at < 0 || at >= len(commands) || answered[at] || r.Status == 0 {
			continue
		}
		if busy(r.Status) {
			for name, v := range r.Headers {
				if strings.EqualFold(name, "Retry-After") {
					after = max(after, retryAfter(v, e.now()))
				}
			}
			continue
		}
		if r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
			continue // alone, it says why
		}
		if out[at], err = e.finish(ctx, &commands[at], r.Status, r.Body); err != nil {
			return err
		}
		answered[at] = true
	}
	if after > maxPause {
		return &provision.NotYet{After: after, Err: errors.New("too many requests for Exchange; try again later")}
	}
	if after > 0 {
		if err := e.wait(ctx, after); err != nil {
			return err
		}
	}
	for i, ok := range answered {
		if ok {
			continue
		}
		if out[i], err = e.single(ctx, &commands[i]); err != nil {
			return err
		}
	}
	return nil
}
