package contract

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// exchange is one request with its answer, from the wire or from a batch.
type exchange struct {
	method, path string
	query        string
	sent         []byte
	sentJSON     bool
	status       int
	got          []byte
	gotJSON      bool
}

// Wrap passes requests on to next and reports each violation in a request or its
// answer, one line each, before the answer is written. report may be called from
// many goroutines at once. A handler that panics is not reported on: its answer
// never arrives.
func (c *Contract) Wrap(next http.Handler, report func(violation string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, err := io.ReadAll(r.Body)
		if err != nil {
			report(fmt.Sprintf("%s %s: read request: %v", r.Method, r.URL.Path, err))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(sent))
		rec := &recorder{header: http.Header{}, status: http.StatusOK}
		next.ServeHTTP(rec, r)

		x := exchange{
			method: r.Method, path: r.URL.EscapedPath(), query: r.URL.RawQuery,
			sent: plain(sent, r.Header.Get("Content-Encoding")), sentJSON: isJSON(r.Header.Get("Content-Type")),
			status: rec.status, got: rec.body.Bytes(), gotJSON: isJSON(rec.header.Get("Content-Type")),
		}
		for _, line := range c.exchange(x) {
			report(line)
		}
		for name, values := range rec.header {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.status)
		w.Write(rec.body.Bytes())
	})
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func plain(body []byte, encoding string) []byte {
	if !strings.EqualFold(encoding, "gzip") {
		return body
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return body
	}
	out, err := io.ReadAll(z)
	if err != nil {
		return body
	}
	return out
}

func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(t), "application/json")
}

// exchange checks both directions of one exchange.
func (c *Contract) exchange(x exchange) []string {
	name := x.method + " " + x.path
	if segments := split(x.path); len(segments) == 1 && strings.EqualFold(segments[0], "$batch") {
		return prefixed(name, c.batch(x))
	}
	if x.status >= 400 {
		// What was refused need not be right, but the refusal has to be.
		return prefixed(name+" answer", checkError(x))
	}
	r, known := c.resolve(x.method, x.path)
	if !known {
		return []string{name + ": not in the metadata"}
	}
	var found []string
	query, err := url.ParseQuery(x.query)
	if err != nil {
		found = append(found, name+": query: "+err.Error())
	}
	found = append(found, prefixed(name, c.options(r, query))...)
	if len(x.sent) > 0 && x.sentJSON {
		found = append(found, prefixed(name+" request", c.sent(r, x.sent))...)
	}
	if len(x.got) > 0 && !r.raw {
		found = append(found, prefixed(name+" answer", c.got(r, x))...)
	}
	return found
}

func prefixed(name string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = name + ": " + l
	}
	return out
}

func (c *Contract) sent(r route, body []byte) []string {
	if r.action != nil {
		v, err := decode(body)
		if err != nil {
			return []string{"$: not JSON"}
		}
		k := &check{c: c, way: toGraph}
		k.parameters("$", r.action, v)
		return k.found
	}
	if r.request == "" {
		return []string{"$: no body is declared here"}
	}
	return c.body(r.request, body, toGraph)
}

func (c *Contract) got(r route, x exchange) []string {
	if !x.gotJSON {
		return []string{"$: the answer is not declared as JSON"}
	}
	if r.response == "" {
		return []string{"$: no answer is declared here"}
	}
	if strings.HasPrefix(r.response, "Edm.") || c.enums[r.response] != nil {
		// A single property comes as {"value": …}.
		v, err := decode(x.got)
		object, ok := v.(map[string]any)
		if err != nil || !ok {
			return []string{"$: an object with a value is wanted"}
		}
		k := &check{c: c, way: fromGraph}
		k.value("$.value", r.response, object["value"])
		return k.found
	}
	return c.body(r.response, x.got, fromGraph)
}

func checkError(x exchange) []string {
	var e struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(x.got, &e); err != nil || e.Error.Code == "" || e.Error.Message == "" {
		return []string{"$: an error without code and message"}
	}
	return nil
}

// batch checks every exchange inside a batch.
func (c *Contract) batch(x exchange) []string {
	if x.status >= 400 {
		return checkError(x)
	}
	var asked struct {
		Requests []struct {
			ID      string            `json:"id"`
			Method  string            `json:"method"`
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"requests"`
	}
	var answered struct {
		Responses []struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"responses"`
	}
	if err := json.Unmarshal(x.sent, &asked); err != nil {
		return []string{"request: " + err.Error()}
	}
	if err := json.Unmarshal(x.got, &answered); err != nil {
		return []string{"answer: " + err.Error()}
	}
	inner := map[string]*exchange{}
	for _, q := range asked.Requests {
		path, query, _ := strings.Cut(q.URL, "?")
		body := q.Body
		if string(body) == "null" {
			body = nil
		}
		inner[q.ID] = &exchange{
			method: strings.ToUpper(q.Method), path: path, query: query,
			sent: body, sentJSON: isJSON(header(q.Headers, "Content-Type")),
		}
	}
	var found []string
	for _, a := range answered.Responses {
		e := inner[a.ID]
		if e == nil || e.status != 0 {
			found = append(found, "answer "+a.ID+" belongs to no request, or to one already answered")
			continue
		}
		e.status, e.got, e.gotJSON = a.Status, a.Body, isJSON(header(a.Headers, "Content-Type"))
		found = append(found, prefixed(a.ID, c.exchange(*e))...)
	}
	for id, e := range inner {
		if e.status == 0 {
			found = append(found, "request "+id+" has no answer")
		}
	}
	return found
}

func header(h map[string]string, name string) string {
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}
