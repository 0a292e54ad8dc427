package graphsim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// filteredDeltaLimit is how many messages a delta with $filter enumerates at
// most (Graph "message: delta").
const filteredDeltaLimit = 5000

// deltaToken is what a nextLink or deltaLink holds: the query of the first call
// and how far the reader has come. Clients must take it as opaque.
type deltaToken struct {
	Mailbox int    `json:"m"`
	Folder  string `json:"f"`
	Epoch   int    `json:"e,omitempty"`
	Pos     uint64 `json:"p"`           // entries up to here have been sent
	Base    uint64 `json:"b,omitempty"` // what the reader knew when this round began; 0: nothing
	Start   uint64 `json:"s,omitempty"` // the change count when a first round began
	Sent    int    `json:"n,omitempty"` // messages sent in a first round with a filter
	Blank   bool   `json:"x,omitempty"` // an empty page has just been sent
	Select  string `json:"sel,omitempty"`
	Expand  string `json:"exp,omitempty"`
	Top     string `json:"top,omitempty"`
	Filter  string `json:"fil,omitempty"`
}

func (t deltaToken) String() string { return base64.RawURLEncoding.EncodeToString(mustJSON(t)) }

func parseToken(text string) (deltaToken, error) {
	var t deltaToken
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &t)
	}
	if err != nil {
		return t, fmt.Errorf("badly formed token")
	}
	return t, nil
}

// ExpireDelta makes all delta links handed out for a folder stale: reading one
// is answered as DeltaExpiredStatus says, with code syncStateNotFound. The
// folder is an id, a well-known name or a display name.
func (s *Sim) ExpireDelta(mailbox, folder string) error {
	mb, err := s.mailbox(mailbox)
	if err != nil {
		return err
	}
	mb.mu.Lock()
	defer mb.mu.Unlock()
	f := mb.folderNamed(folder)
	if f == nil {
		return fmt.Errorf("graphsim: expire delta: no folder %s in %s", folder, mailbox)
	}
	f.epoch++
	return nil
}

func (mb *mailbox) expired(r *request) response {
	s := mb.sim
	status := s.DeltaExpiredStatus
	if status == 0 {
		status = http.StatusGone
	}
	resp := s.fail(status, "syncStateNotFound", "The sync state generation is not found; the sync must start over.")
	if status == http.StatusGone {
		resp.header.Set("Location", r.origin+r.path+"?$deltatoken=")
	}
	return resp
}

// delta answers one page of changes in a folder. It reads the change log from
// the token's place, so its cost is that of the page.
func (mb *mailbox) delta(r *request, f *folder) response {
	s := mb.sim
	token, failed := mb.deltaStart(r, f)
	if failed != nil {
		return *failed
	}
	shape, err := r.shape(token.Select, token.Expand)
	if err != nil {
		return s.invalid(err)
	}
	shape.annotate = true
	var filter []condition
	if token.Filter != "" {
		if filter, err = parseFilter(token.Filter); err != nil {
			return s.invalid(err)
		}
		for _, c := range filter {
			if c.property != "receiveddatetime" || c.op != "ge" && c.op != "gt" {
				return s.badRequest("A delta of messages can only be filtered by receivedDateTime ge or gt.")
			}
		}
	}
	size := token.Top
	if v, ok := r.prefers("odata.maxpagesize"); ok {
		size = v
	}
	limit, err := pageSize(size, defaultPage, maxPage)
	if err != nil {
		return s.badRequest(err.Error())
	}

	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendString(b, r.origin+"/$metadata#Collection(message)")
	b = append(b, `,"value":[`...)
	page := deltaPage{mb: mb, f: f, token: token, limit: limit, filter: filter, shape: shape, b: b}
	page.fill()
	b = append(page.b, ']')
	link, parameter := `,"@odata.deltaLink":`, "$deltatoken"
	if page.more {
		link, parameter = `,"@odata.nextLink":`, "$skiptoken"
	}
	b = append(b, link...)
	b = appendString(b, r.origin+r.path+"?"+parameter+"="+url.QueryEscape(page.token.String()))
	resp := ok(append(b, '}'))
	if v, ok := r.prefers("odata.maxpagesize"); ok {
		resp.header.Add("Preference-Applied", "odata.maxpagesize="+v)
	}
	return resp
}

// deltaStart reads the token of a request, or makes the one a first call begins
// with. Options that come with a token are ignored: the token has them.
func (mb *mailbox) deltaStart(r *request, f *folder) (deltaToken, *response) {
	fail := func(resp response) (deltaToken, *response) { return deltaToken{}, &resp }
	text := r.option("skiptoken")
	if text == "" {
		text = r.option("deltatoken")
	}
	if text == "" {
		for _, name := range []string{"search", "orderby", "changeType", "skip", "count"} {
			if r.option(name) != "" {
				return fail(mb.sim.notSimulated("the option " + name + " of a delta"))
			}
		}
		return deltaToken{
			Mailbox: mb.number, Folder: f.id, Epoch: f.epoch, Start: mb.seq,
			Select: r.option("select"), Expand: r.option("expand"), Top: r.option("top"), Filter: r.option("filter"),
		}, nil
	}
	token, err := parseToken(text)
	if err != nil || token.Mailbox != mb.number || token.Folder != f.id {
		return fail(mb.sim.badRequest("Badly formed token."))
	}
	if token.Epoch != f.epoch {
		return fail(mb.expired(r))
	}
	return token, nil
}

// deltaPage collects one page.
type deltaPage struct {
	mb     *mailbox
	f      *folder
	token  deltaToken
	limit  int
	filter []condition
	shape  *render
	b      []byte
	n      int
	more   bool
}

// fill writes the page's items and leaves in token where the next call goes on.
func (p *deltaPage) fill() {
	s := p.mb.sim
	if s.DeltaEmptyPages && !p.token.Blank {
		p.token.Blank, p.more = true, true
		return
	}
	p.token.Blank = false
	from, previous := p.token.Pos, p.token.Pos
	horizon := int64(1<<63 - 1)
	if s.DeltaLag > 0 {
		horizon = s.now().Add(-s.DeltaLag).UnixNano()
	}
	first := p.token.Base == 0
	for _, e := range p.f.after(p.token.Pos) {
		if e.at > horizon {
			break
		}
		if !p.f.current(e) || first && e.left != "" && e.seq <= p.token.Start || e.left == "" && !matches(e.m, p.filter) {
			p.token.Pos = e.seq
			continue
		}
		if p.n == p.limit {
			p.more = true
			break
		}
		if first && p.filter != nil && p.token.Sent == filteredDeltaLimit {
			p.token.Pos = max(e.seq, p.token.Start)
			break
		}
		p.write(e)
		previous, p.token.Pos = p.token.Pos, e.seq
	}
	if !p.more {
		p.token.Base, p.token.Start, p.token.Sent = max(p.token.Pos, 1), 0, 0
		return
	}
	if s.DeltaRepeats && previous > from {
		p.token.Pos = previous
	}
}

func (p *deltaPage) write(e logEntry) {
	if p.n > 0 {
		p.b = append(p.b, ',')
	}
	p.n++
	p.token.Sent++
	if e.left != "" {
		id := e.left
		if p.shape.immutable {
			id = e.m.immutable
		}
		p.b = appendGone(p.b, id)
		return
	}
	since := uint64(0)
	// What the reader has seen may be left out, but not of a message that is new
	// to it.
	if p.mb.sim.DeltaSparse && e.m.entered <= p.token.Base && e.m.changed[propContent] <= p.token.Base {
		since = p.token.Base
	}
	shape := p.shape
	if p.mb.sim.DeltaNoHeaders && shape.fields != nil {
		bare := *shape
		bare.fields = slices.DeleteFunc(slices.Clone(shape.fields), func(f field) bool { return f.name == "internetMessageHeaders" })
		shape = &bare
	}
	p.b = appendMessage(p.b, e.m, shape, since)
}
