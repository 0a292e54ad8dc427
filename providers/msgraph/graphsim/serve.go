package graphsim

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// mailboxConcurrency is how many requests Exchange serves at once for one app
// and mailbox (Graph "throttling limits", Outlook service).
const mailboxConcurrency = 4

// ServeHTTP answers a request, with the version prefix /v1.0 or without.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.stats.add(nil, func(st *Stats) { st.RoundTrips++ })
	w.Header().Set("Date", s.now().Format(http.TimeFormat))
	req, failed := s.accept(r)
	if failed != nil {
		s.stats.add(nil, func(st *Stats) { st.Requests++ })
		write(w, *failed)
		return
	}
	if req.segment(0) == "$batch" {
		s.serveBatch(w, r, req)
		return
	}
	s.stats.add(req.mailbox, func(st *Stats) { st.Requests++ })
	if mb := req.mailbox; mb != nil {
		s.stats.countTrip(mb)
		free := s.stats.enter(mb, 1)
		defer s.stats.leave(mb, 1)
		if free == 0 && !s.NoConcurrencyLimit {
			s.answer(w, req.mailbox, s.overConcurrency())
			return
		}
	}
	s.dialed(w, r, req.mailbox, func() response { return s.handle(req) })
}

// countTrip counts an HTTP request to the mailbox it names.
func (st *statistics) countTrip(mb *mailbox) {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.of(mb).RoundTrips++
}

func (s *Sim) overConcurrency() response {
	return s.throttled("Application is over its MailboxConcurrency limit.", time.Second)
}

// dialed runs a request behind the dial.
func (s *Sim) dialed(w http.ResponseWriter, r *http.Request, mb *mailbox, run func() response) {
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { s.answer(w, mb, run()) })
	if s.Dial == nil {
		h(w, r)
		return
	}
	s.Dial.Wrap(h, func(w http.ResponseWriter, _ *http.Request, status int, after time.Duration) {
		s.answer(w, mb, s.refused(status, after))
	}).ServeHTTP(w, r)
}

func (s *Sim) answer(w http.ResponseWriter, mb *mailbox, resp response) {
	if resp.status == http.StatusTooManyRequests {
		s.stats.add(mb, func(st *Stats) { st.Throttled++ })
	}
	write(w, resp)
}

func write(w http.ResponseWriter, resp response) {
	h := w.Header()
	for k, v := range resp.header {
		h[k] = v
	}
	if len(resp.body) > 0 && h.Get("Content-Type") == "" {
		h.Set("Content-Type", jsonType)
	}
	if len(resp.body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(resp.body)))
	}
	w.WriteHeader(resp.status)
	w.Write(resp.body)
}

const jsonType = "application/json; odata.metadata=minimal; odata.streaming=true; IEEE754Compatible=false; charset=utf-8"

// accept decodes a request from the wire.
func (s *Sim) accept(r *http.Request) (*request, *response) {
	fail := func(resp response) (*request, *response) { return nil, &resp }
	if s.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.Token {
		return fail(s.fail(http.StatusUnauthorized, "InvalidAuthenticationToken", "Access token is empty or invalid."))
	}
	body, status, err := readBody(r)
	if err != nil {
		return fail(s.fail(status, "BadRequest", err.Error()))
	}
	path, version := r.URL.EscapedPath(), ""
	if rest, ok := cutPrefixFold(path, "/v1.0/"); ok {
		path, version = "/"+rest, "/v1.0"
	}
	req, err := s.newRequest(r.Method, origin(r)+version, path, r.URL.RawQuery, r.Header, body)
	if err != nil {
		return fail(s.badRequest("Malformed request: " + err.Error()))
	}
	return req, nil
}

func origin(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil || r.URL.Scheme == "https" {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}

// handle answers one decoded request, from the wire or from a batch.
func (s *Sim) handle(r *request) response {
	switch r.segment(0) {
	case "subscriptions":
		return s.handleSubscriptions(r)
	case "users":
	default:
		return s.noRoute()
	}
	if len(r.segments) < 2 {
		return s.notSimulated("the list of users")
	}
	mb := r.mailbox
	if s.RefuseUnknown && (mb == nil || !mb.shown()) && s.Reach != nil && !s.Reach(strings.ToLower(r.segments[1])) {
		return s.accessDenied()
	}
	if mb == nil {
		return s.fail(http.StatusNotFound, "ErrorInvalidUser", "The requested user '"+r.segments[1]+"' is invalid.")
	}
	if !mb.shown() {
		return s.fail(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	}
	reached := mb.reached()
	mb.mu.Lock()
	defer mb.mu.Unlock()
	if mb.refused || !reached || s.NoSettings && r.ofSettings() {
		return s.accessDenied()
	}
	resp := mb.handle(r)
	if r.immutable() && resp.status < 300 {
		resp.header.Add("Preference-Applied", `IdType="ImmutableId"`)
	}
	return resp
}

// shown reports whether Graph has taken note of the mailbox.
func (mb *mailbox) shown() bool { return !mb.sim.now().Before(mb.visible) }

// reached asks the tenant's Reach. The caller holds no lock.
func (mb *mailbox) reached() bool {
	return mb.sim.Reach == nil || mb.sim.Reach(strings.ToLower(mb.address))
}

// ofSettings reports whether the request takes MailboxSettings permissions rather than Mail ones.
func (r *request) ofSettings() bool {
	return r.segment(2) == "mailboxsettings" || r.segment(2) == "outlook"
}

// handle routes a request below users/{id}.
func (mb *mailbox) handle(r *request) response {
	switch r.segment(2) {
	case "":
		return mb.handleUser(r)
	case "mailboxsettings":
		return mb.handleSettings(r)
	case "sendmail":
		return mb.handleSendMail(r)
	case "outlook":
		if r.segment(3) == "mastercategories" {
			return mb.handleCategories(r)
		}
	case "mailfolders":
		return mb.handleFolders(r)
	case "messages":
		return mb.handleMessages(r, nil, 3)
	}
	return mb.sim.noRoute()
}

func (mb *mailbox) handleUser(r *request) response {
	if r.method != http.MethodGet {
		return mb.sim.wrongMethod()
	}
	user := map[string]any{
		"id": mb.id, "displayName": mb.name, "mail": mb.address, "userPrincipalName": mb.address,
	}
	out := map[string]any{"@odata.context": r.origin + "/$metadata#users/$entity"}
	if sel := r.option("select"); sel != "" {
		for name := range strings.SplitSeq(sel, ",") {
			name = strings.TrimSpace(name)
			v, ok := user[name]
			if !ok {
				return mb.sim.notSimulated("the property " + name + " of a user")
			}
			out[name] = v
		}
		return ok(mustJSON(out))
	}
	for k, v := range user {
		out[k] = v
	}
	return ok(mustJSON(out))
}
