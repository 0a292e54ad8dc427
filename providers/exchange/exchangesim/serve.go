package exchangesim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/postroom/postroom/providers/fault"
)

// maxBody bounds a request in bytes.
const maxBody = 4 << 20

// batchLimit is how many commands a $batch may have. No document names it; ten is what is used in the field.
const batchLimit = 10

// ServeHTTP implements http.Handler.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d := s.Dial
	if d == nil {
		d = &fault.Dial{}
	}
	// The rules of the dial can name a cmdlet, though all have one address.
	named := *r
	address := *r.URL
	address.Path += "/" + r.Header.Get("X-CmdletName")
	named.URL = &address
	d.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.serve(w, r) }), busy).ServeHTTP(w, &named)
}

func busy(w http.ResponseWriter, _ *http.Request, status int, after time.Duration) {
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(fault.RetryAfterSeconds(after)))
	}
	w.WriteHeader(status)
}

// reply is the answer to one command.
type reply struct {
	status int
	header map[string]string
	body   any
}

func (s *Sim) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.NoRole {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(make([]byte, 64))
		return
	}
	switch {
	case r.Method != http.MethodPost:
		w.WriteHeader(http.StatusMethodNotAllowed)
	case !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json"):
		w.WriteHeader(http.StatusUnsupportedMediaType)
	case isInvoke(r.URL):
		write(w, s.invoke(r.URL, r.Header.Get("Prefer"), origin(r), body))
	case strings.HasPrefix(r.URL.Path, "/adminapi/beta/") && strings.HasSuffix(r.URL.Path, "/$batch"):
		write(w, s.batch(r, body))
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func isInvoke(u *url.URL) bool {
	return strings.HasPrefix(u.Path, "/adminapi/beta/") && strings.HasSuffix(u.Path, "/InvokeCommand")
}

// origin is under which scheme and host the caller knows the endpoint.
func origin(r *http.Request) string {
	scheme := r.URL.Scheme
	switch {
	case scheme != "":
	case r.TLS != nil:
		scheme = "https"
	default:
		scheme = "http"
	}
	return scheme + "://" + r.Host
}

func write(w http.ResponseWriter, a reply) {
	for k, v := range a.header {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body)
}

func failed(status int, kind, message string) reply {
	type object = map[string]any
	inner := object{"message": "Error executing cmdlet", "type": "Microsoft.Exchange.Admin.OData.Core.ODataServiceException", "stacktrace": "   at Microsoft.Exchange"}
	// Some errors have the exception inside, others only the line that the PowerShell module prints.
	if !strings.Contains(kind, "SecurityPrincipal") {
		inner["internalexception"] = object{"message": message, "type": kind, "stacktrace": "   at Microsoft.Exchange"}
	}
	return reply{status: status, body: object{"error": object{
		"code": http.StatusText(status), "message": "Invalid Operation", "innererror": inner,
		"details": []object{{"code": "Context", "target": "", "message": "Ex6F9304|" + kind + "|" + message}},
	}}}
}

// invoke runs the command of one body.
func (s *Sim) invoke(u *url.URL, prefer, origin string, body []byte) reply {
	var in struct {
		CmdletInput struct {
			CmdletName string
			Parameters map[string]any
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&in); err != nil || in.CmdletInput.CmdletName == "" {
		return failed(http.StatusBadRequest, "Microsoft.OData.ODataException", "The body is no CmdletInput.")
	}
	name := in.CmdletInput.CmdletName
	rows, warnings, no := s.run(name, in.CmdletInput.Parameters)
	if no != nil {
		return failed(no.status, no.kind, no.message)
	}
	return s.page(u, prefer, origin, rows, warnings)
}

// page cuts the rows of one page, with the link to the next one.
func (s *Sim) page(u *url.URL, prefer, origin string, rows []row, warnings []string) reply {
	size := 1000
	for part := range strings.SplitSeq(prefer, ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "odata.maxpagesize="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				size = min(size, n)
			}
		}
	}
	if s.PageSize > 0 {
		size = min(size, s.PageSize)
	}
	query := u.Query()
	from, err := strconv.Atoi(query.Get("$skiptoken"))
	if err != nil || from < 0 || from > len(rows) {
		from = 0
	}
	out := map[string]any{"@odata.context": origin + "/adminapi/beta/$metadata#Collection(Exchange.CmdletOutput)", "@adminapi.warnings": append([]string{}, warnings...)}
	if from+size < len(rows) {
		query.Set("$skiptoken", strconv.Itoa(from+size))
		out["@odata.nextLink"] = origin + u.Path + "?" + query.Encode()
	}
	value := []row{}
	for _, x := range rows[from:min(from+size, len(rows))] {
		value = append(value, selected(x, query.Get("$select")))
	}
	out["value"] = value
	return reply{status: http.StatusOK, body: out}
}

func selected(x row, properties string) row {
	if properties == "" {
		return x
	}
	out := row{}
	for name := range strings.SplitSeq(properties, ",") {
		if v, ok := x[name]; ok {
			out[name] = v
		}
	}
	return out
}

// batch runs up to ten commands and answers them in another order.
func (s *Sim) batch(r *http.Request, body []byte) reply {
	var in struct {
		Requests []struct {
			ID      string            `json:"id"`
			Method  string            `json:"method"`
			URL     string            `json:"url"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		} `json:"requests"`
	}
	if err := json.Unmarshal(body, &in); err != nil || len(in.Requests) == 0 || len(in.Requests) > batchLimit {
		return failed(http.StatusBadRequest, "Microsoft.OData.ODataException", fmt.Sprintf("A batch has 1 to %d requests.", batchLimit))
	}
	type answer struct {
		ID      string            `json:"id"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers,omitempty"`
		Body    any               `json:"body,omitempty"`
	}
	var out []answer
	for _, q := range in.Requests {
		u, err := r.URL.Parse(q.URL)
		if err != nil || !isInvoke(u) || !strings.EqualFold(q.Method, http.MethodPost) {
			out = append(out, answer{ID: q.ID, Status: http.StatusNotFound})
			continue
		}
		if s.Dial != nil {
			if rule, hit := s.Dial.NextInner(http.MethodPost, u.Path); hit {
				out = append(out, answer{ID: q.ID, Status: http.StatusTooManyRequests, Headers: map[string]string{"Retry-After": strconv.Itoa(fault.RetryAfterSeconds(rule.RetryAfter))}})
				continue
			}
		}
		a := s.invoke(u, q.Headers["Prefer"], origin(r), q.Body)
		out = append(out, answer{ID: q.ID, Status: a.status, Headers: a.header, Body: a.body})
	}
	slices.Reverse(out)
	return reply{status: http.StatusOK, body: map[string]any{"responses": out}}
}
