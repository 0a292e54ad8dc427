package gmailsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/postroom/postroom/providers/google/googlesim"
)

// maxBody bounds one request's body, in bytes.
const maxBody = 64 << 20

// call is one request, past authentication, with the mailbox locked.
type call struct {
	*txn
	r     *http.Request
	vars  map[string]string // of the path
	query url.Values
	body  []byte
}

// ServeHTTP answers one request of the Gmail API.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m, vars := route(r)
	address, known := s.subject(r)
	var mb *mailbox
	if known {
		mb = s.mailbox(address)
	}
	running := s.count.enter(address, m)
	defer s.count.leave(address)
	if limit := s.maxConcurrent(); mb != nil && limit > 0 && running > limit {
		s.count.throttle()
		errConcurrent.Write(w)
		return
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !known:
			errNoLogin.Write(w)
		case m == nil:
			errNoRoute.Write(w)
		default:
			s.answer(w, r, m, vars, address, mb)
		}
	})
	if s.Dial == nil {
		answer(w, r)
		return
	}
	s.Dial.Wrap(answer, s.refuse).ServeHTTP(w, r)
}

func (s *Sim) answer(w http.ResponseWriter, r *http.Request, m *method, vars map[string]string, address string, mb *mailbox) {
	now := s.now()
	if f := s.charge(address, m, now); f != nil {
		s.count.throttle()
		f.Write(w)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		googlesim.Fail(413, "uploadTooLarge", "INVALID_ARGUMENT", "Request is too large.").Write(w)
		return
	}
	var result any
	switch user := strings.ToLower(vars["userId"]); {
	case user != "me" && user != address:
		err = googlesim.Fail(403, "forbidden", "PERMISSION_DENIED", "Delegation denied for "+address)
	case mb == nil || now.Before(mb.ready):
		err = errNoMailbox
	default:
		t := &txn{sim: s, mailbox: mb, now: now}
		err = t.run(func(t *txn) (err error) {
			result, err = m.do(&call{txn: t, r: r, vars: vars, query: r.URL.Query(), body: body})
			return err
		})
	}
	if err != nil {
		var f *googlesim.Failure
		if !errors.As(err, &f) {
			f = googlesim.Fail(500, "backendError", "INTERNAL", err.Error())
		}
		f.Write(w)
		return
	}
	if result == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	out, err := json.Marshal(result)
	if err == nil {
		out, err = project(out, r.URL.Query().Get("fields"))
	}
	if err != nil {
		googlesim.Fail(400, "invalidParameter", "INVALID_ARGUMENT", err.Error()).Write(w)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_, _ = w.Write(out)
}

func (s *Sim) subject(r *http.Request) (string, bool) {
	if s.Subject != nil {
		address, ok := s.Subject(r)
		return strings.ToLower(address), ok
	}
	address, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer sim:")
	return strings.ToLower(address), ok && address != ""
}

func (s *Sim) maxConcurrent() int {
	if s.MaxConcurrent == 0 {
		return DefaultMaxConcurrent
	}
	return s.MaxConcurrent
}

// charge counts the units and applies the quota.
func (s *Sim) charge(address string, m *method, now time.Time) *googlesim.Failure {
	used := s.count.charge(address, m.units, now)
	limit := s.UnitsPerMinute
	if limit == 0 {
		limit = DefaultUnitsPerMinute
	}
	switch {
	case s.Quota == QuotaForbidden && used > limit:
		return errQuota403
	case s.Quota == QuotaTooMany && used > limit:
		return errQuota429
	}
	return nil
}

// decode reads the JSON body strictly, as Google does.
func (c *call) decode(into any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if wrong := googlesim.Decode(c.body, into); wrong != "" {
		return invalid("%s", wrong)
	}
	return nil
}
