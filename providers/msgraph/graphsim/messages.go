package graphsim

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// handleMessages routes messages below the mailbox (f is nil) or a folder. at is
// the index of the segment behind "messages".
func (mb *mailbox) handleMessages(r *request, f *folder, at int) response {
	s := mb.sim
	switch r.segment(at) {
	case "":
		switch r.method {
		case http.MethodGet:
			return mb.listMessages(r, f)
		case http.MethodPost:
			return mb.createDraft(r, f)
		}
		return s.wrongMethod()
	case "delta":
		if f == nil {
			return s.fail(http.StatusBadRequest, "BadRequest", "Change tracking is not supported against 'microsoft.graph.message'.")
		}
		if r.method != http.MethodGet {
			return s.wrongMethod()
		}
		return mb.delta(r, f)
	case "$count":
		return s.notSimulated("$count")
	}
	m := mb.byID[r.segments[at]]
	if m == nil || f != nil && m.folder != f {
		return s.notFound()
	}
	verb := r.segment(at + 1)
	if verb == "" {
		switch r.method {
		case http.MethodGet:
			return mb.getMessage(r, m)
		case http.MethodPatch:
			return mb.patchMessage(r, m)
		case http.MethodDelete:
			mb.discard(m)
			return empty(http.StatusNoContent)
		}
		return s.wrongMethod()
	}
	switch verb {
	case "$value":
		if r.method != http.MethodGet {
			return s.wrongMethod()
		}
		resp := ok(mb.mime(m))
		resp.header.Set("Content-Type", "text/plain")
		return resp
	case "attachments":
		if r.method != http.MethodGet {
			return s.notSimulated("changes to attachments")
		}
		return mb.getAttachments(r, m, at+2)
	}
	if r.method != http.MethodPost {
		return s.wrongMethod()
	}
	switch verb {
	case "move":
		return mb.moveMessage(r, m)
	case "permanentdelete":
		mb.erase(m)
		return empty(http.StatusNoContent)
	case "createreply":
		return mb.createReply(r, m, false)
	case "createreplyall":
		return mb.createReply(r, m, true)
	case "send":
		return mb.sendDraft(m)
	case "reply", "replyall", "forward", "createforward", "copy":
		return s.notSimulated("the action " + verb)
	}
	return s.noRoute()
}

func (mb *mailbox) getMessage(r *request, m *message) response {
	shape, err := r.shape(r.option("select"), r.option("expand"))
	if err != nil {
		return mb.sim.invalid(err)
	}
	resp := ok(mb.entity(r, m, shape))
	resp.header.Set("ETag", m.etag())
	return resp
}

// entity writes one message as a whole answer.
func (mb *mailbox) entity(r *request, m *message, shape *render) []byte {
	b := make([]byte, 0, 2048+len(m.html)+len(m.text))
	b = append(b, `{"@odata.context":`...)
	b = appendString(b, r.origin+"/$metadata#users('"+mb.id+"')/messages/$entity")
	b = append(b, ',')
	b = appendMembers(b, m, shape, 0)
	return append(b, '}')
}

// Page sizes of a message list (Graph "List messages").
const (
	defaultPage = 10
	maxPage     = 1000
)

func (mb *mailbox) listMessages(r *request, f *folder) response {
	s := mb.sim
	for _, name := range []string{"search", "count"} {
		if r.option(name) != "" {
			return s.notSimulated("$" + name + " on messages")
		}
	}
	shape, err := r.shape(r.option("select"), r.option("expand"))
	if err != nil {
		return s.invalid(err)
	}
	page, err := pageSize(r.option("top"), defaultPage, maxPage)
	if err != nil {
		return s.badRequest(err.Error())
	}
	skip := 0
	if t := r.option("skip"); t != "" {
		if skip, err = strconv.Atoi(t); err != nil || skip < 0 {
			return s.badRequest("Invalid $skip.")
		}
	}
	list, failed := mb.query(r, f)
	if failed != nil {
		return *failed
	}

	end := min(len(list), skip+page)
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendString(b, r.origin+"/$metadata#users('"+mb.id+"')/messages")
	b = append(b, `,"value":[`...)
	for i := skip; i < end; i++ {
		if i > skip {
			b = append(b, ',')
		}
		b = appendMessage(b, list[i], shape, 0)
	}
	b = append(b, ']')
	if end < len(list) {
		q := url.Values{}
		for k, v := range r.query {
			q[k] = v
		}
		q.Set("$skip", strconv.Itoa(end))
		b = append(b, `,"@odata.nextLink":`...)
		b = appendString(b, r.origin+r.path+"?"+q.Encode())
	}
	return ok(append(b, '}'))
}

// query selects and orders the messages of a list request.
func (mb *mailbox) query(r *request, f *folder) ([]*message, *response) {
	fail := func(resp response) ([]*message, *response) { return nil, &resp }
	ascending, orderBy := false, r.option("orderby")
	if orderBy != "" {
		name, direction, _ := strings.Cut(strings.TrimSpace(orderBy), " ")
		if !strings.EqualFold(name, "receivedDateTime") {
			return fail(mb.sim.notSimulated("$orderby=" + orderBy))
		}
		ascending = !strings.EqualFold(strings.TrimSpace(direction), "desc")
	}
	var list []*message
	if text := r.option("filter"); text != "" {
		filter, err := parseFilter(text)
		if err != nil {
			return fail(mb.sim.invalid(err))
		}
		if orderBy != "" && filter[0].property != "receiveddatetime" {
			return fail(mb.sim.fail(http.StatusBadRequest, "InefficientFilter", "The restriction or sort order is too complex for this operation."))
		}
		for _, m := range mb.candidates(f, filter) {
			if (f == nil || m.folder == f) && matches(m, filter) {
				list = append(list, m)
			}
		}
		newestFirst(list)
	} else if f != nil {
		list = f.all()
	} else {
		list = mb.all()
	}
	if ascending {
		reversed := make([]*message, len(list))
		for i, m := range list {
			reversed[len(list)-1-i] = m
		}
		list = reversed
	}
	return list, nil
}

// candidates narrows a filter down by an index, if it has an indexed property.
func (mb *mailbox) candidates(f *folder, filter []condition) []*message {
	for _, c := range filter {
		switch c.property {
		case "conversationid":
			return mb.byConv[c.value]
		case "internetmessageid":
			return mb.byRFCID[c.value]
		}
	}
	if f != nil {
		return f.all()
	}
	return mb.all()
}

func (mb *mailbox) moveMessage(r *request, m *message) response {
	var body struct {
		DestinationID string `json:"destinationId"`
	}
	if err := r.decode(&body); err != nil {
		return mb.sim.badRequest(err.Error())
	}
	to := mb.folder(body.DestinationID)
	if to == nil {
		return mb.sim.notFound()
	}
	mb.move(m, to)
	return created(mb.entity(r, m, &render{immutable: r.immutable()}))
}

// invalidMember answers a body whose members are not what the type says.
func (s *Sim) invalidMember(name string) response {
	return s.fail(http.StatusBadRequest, "RequestBodyRead", "Cannot convert the value of property '"+name+"' to the declared type.")
}
