package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Wrap checks every exchange with next and tells report of each violation, in words that name the method and the
// place. It changes nothing. report may be called from many goroutines at once. What next does by breaking the
// connection is not checked.
func (c *Contract) Wrap(next http.Handler, report func(violation string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			report(fmt.Sprintf("%s %s: read request: %v", r.Method, r.URL.Path, err))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		rt := c.find(r)
		if rt == nil {
			report(fmt.Sprintf("%s %s: no such method", r.Method, r.URL.Path))
			next.ServeHTTP(w, r)
			return
		}
		for _, bad := range c.request(rt, r, body) {
			report(rt.ID + " request: " + bad)
		}
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(rec, r)
		for _, bad := range c.response(rt, rec) {
			report(rt.ID + " response: " + bad)
		}
	})
}

func (c *Contract) request(rt *route, r *http.Request, body []byte) (bad []string) {
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		p, ok := rt.Parameters[name]
		if ok && p.Location != "query" {
			ok = false
		}
		if !ok {
			p, ok = c.global[name]
		}
		if !ok {
			if name == "uploadType" && rt.upload {
				continue
			}
			bad = append(bad, fmt.Sprintf("unknown parameter %q", name))
			continue
		}
		if err := p.parameter(query[name]); err != nil {
			bad = append(bad, fmt.Sprintf("parameter %s: %v", name, err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rt.Parameters)) {
		if p := rt.Parameters[name]; p.Required && p.Location == "query" && !query.Has(name) {
			bad = append(bad, fmt.Sprintf("parameter %s is missing", name))
		}
	}
	switch {
	case rt.upload:
		return bad
	case rt.Request == nil && len(bytes.TrimSpace(body)) > 0:
		return append(bad, "a body where none is due")
	case rt.Request == nil || len(bytes.TrimSpace(body)) == 0:
		return bad
	}
	return c.json("body", *rt.Request, body, bad)
}

func (c *Contract) response(rt *route, rec *recorder) (bad []string) {
	body := rec.body.Bytes()
	switch {
	case rec.status >= 400:
		return c.failure(rec.status, body)
	case rec.status != http.StatusOK && rec.status != http.StatusNoContent:
		return []string{fmt.Sprintf("status %d", rec.status)}
	case rt.Response == nil || rec.status == http.StatusNoContent:
		if len(bytes.TrimSpace(body)) > 0 {
			return []string{"a body where none is due"}
		}
		if rt.Response != nil {
			return []string{"no body where " + rt.Response.Ref + " is due"}
		}
		return nil
	}
	if kind := rec.Header().Get("Content-Type"); !strings.HasPrefix(kind, "application/json") {
		bad = append(bad, fmt.Sprintf("Content-Type %q", kind))
	}
	return c.json("body", *rt.Response, body, bad)
}

func (c *Contract) json(at string, s schema, body []byte, bad []string) []string {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return append(bad, fmt.Sprintf("%s: %v", at, err))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		bad = append(bad, at+": more than one JSON value")
	}
	return c.value(at, s, v, bad)
}

// failure checks Google's error form, which is not in the document.
func (c *Contract) failure(status int, body []byte) []string {
	var f struct {
		Error struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
			Status  string `json:"status"`
			Errors  []struct {
				Reason string `json:"reason"`
			} `json:"errors"`
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &f); err != nil {
		return []string{fmt.Sprintf("error body: %v", err)}
	}
	if f.Error.Code != status || f.Error.Message == "" || f.Error.Status == "" && !c.OldErrors || len(f.Error.Errors) == 0 || f.Error.Errors[0].Reason == "" {
		return []string{fmt.Sprintf("error body of %d is incomplete: %.200s", status, body)}
	}
	return nil
}

type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}
