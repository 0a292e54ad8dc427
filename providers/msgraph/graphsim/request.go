package graphsim

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Limits of what is read from a client.
const (
	maxBody = 4 << 20 // Graph's limit for a request body
	maxPath = 64      // segments; no route has more than ten
)

// request is one request after decoding, from the wire or from a batch.
type request struct {
	method   string
	origin   string   // scheme, host and version, for links: https://graph.microsoft.com/v1.0
	path     string   // as spelled, without the version
	segments []string // decoded, in canonical form; see parsePath
	query    url.Values
	header   http.Header
	body     []byte
	mailbox  *mailbox // the user the path names, if the tenant has it
}

// parsePath turns a path into segments. Key segments and keys in parentheses
// mean the same (mailFolders/inbox, mailFolders('inbox')), as do bound functions
// with and without parentheses and with the microsoft.graph. prefix. A leading
// v1.0 is dropped.
func parsePath(escaped string) ([]string, error) {
	var out []string
	for raw := range strings.SplitSeq(strings.Trim(escaped, "/"), "/") {
		if len(out) >= maxPath {
			return nil, errors.New("the path is too long")
		}
		seg, err := url.PathUnescape(raw)
		if err != nil {
			return nil, err
		}
		if len(out) == 0 && strings.EqualFold(seg, "v1.0") {
			continue
		}
		seg = strings.TrimSuffix(seg, "()")
		if rest, ok := cutPrefixFold(seg, "microsoft.graph."); ok {
			seg = rest
		}
		if name, key, ok := strings.Cut(seg, "('"); ok && strings.HasSuffix(key, "')") {
			out = append(out, name, strings.ReplaceAll(strings.TrimSuffix(key, "')"), "''", "'"))
			continue
		}
		out = append(out, seg)
	}
	return out, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// newRequest resolves a path and query, which are relative to the version.
func (s *Sim) newRequest(method, origin, path, rawQuery string, header http.Header, body []byte) (*request, error) {
	segments, err := parsePath(path)
	if err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	r := &request{method: method, origin: origin, path: path, segments: segments, query: query, header: header, body: body}
	if len(segments) > 1 && strings.EqualFold(segments[0], "users") {
		r.mailbox = s.find(segments[1])
	}
	return r, nil
}

// segment is the ith segment in lower case, for comparing with route words; ""
// past the end.
func (r *request) segment(i int) string {
	if i >= len(r.segments) {
		return ""
	}
	return strings.ToLower(r.segments[i])
}

// option is a query option under either spelling: $top and top.
func (r *request) option(name string) string {
	if v, ok := r.query["$"+name]; ok {
		return v[0]
	}
	return r.query.Get(name)
}

// prefers looks a preference up in the Prefer headers (RFC 7240): its value
// without quotes.
func (r *request) prefers(name string) (string, bool) {
	for _, line := range r.header.Values("Prefer") {
		for p := range strings.SplitSeq(line, ",") {
			k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
			if strings.EqualFold(strings.TrimSpace(k), name) {
				return strings.Trim(strings.TrimSpace(v), `"`), true
			}
		}
	}
	return "", false
}

// immutable says whether the request asks for immutable ids. Without the header
// Graph answers with ids that change when a message moves.
func (r *request) immutable() bool {
	v, _ := r.prefers("IdType")
	return strings.EqualFold(v, "ImmutableId")
}

// pageSize is a positive number from a query option or preference, at most limit.
func pageSize(text string, otherwise, limit int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("invalid page size %q", text)
	}
	return min(n, limit), nil
}

// decode reads the JSON body. Graph matches property names without regard to
// case, as encoding/json does.
func (r *request) decode(v any) error {
	if len(r.body) == 0 {
		return errors.New("empty payload. JSON content expected")
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return errors.New("unable to read JSON request payload")
	}
	return nil
}

// readBody reads a request body, compressed or not.
func readBody(r *http.Request) ([]byte, int, error) {
	var body io.Reader = r.Body
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, http.StatusBadRequest, errors.New("invalid data: the body is not gzip as its Content-Encoding says")
		}
		defer z.Close()
		body = z
	}
	b, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, http.StatusBadRequest, fmt.Errorf("invalid data: %w", err)
	}
	if len(b) > maxBody {
		return nil, http.StatusRequestEntityTooLarge, errors.New("the request body is over 4 MB")
	}
	return b, 0, nil
}
