package graphsim

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// errMember carries the name of a body's member that has the wrong type or value.
type errMember string

func (e errMember) Error() string { return string(e) }

var errUnknownMember = errors.New("unknown member")

// edit is a change to a message read from JSON, before it is applied.
type edit struct {
	props   []property
	content bool // touches what only drafts may change
	apply   []func(*mailbox, *message)
}

func (e *edit) add(p property, apply func(*mailbox, *message)) {
	if !slices.Contains(e.props, p) {
		e.props = append(e.props, p)
	}
	e.content = e.content || p == propContent
	e.apply = append(e.apply, apply)
}

var (
	importances = []string{"low", "normal", "high"}
	flagStates  = []string{"notFlagged", "complete", "flagged"}
	inferences  = []string{"focused", "other"}
)

// parseEdit reads the writable properties of a message. Read-only properties
// are ignored as Graph does with a resource sent back whole; unknown ones fail.
func parseEdit(members map[string]json.RawMessage) (*edit, error) {
	e := &edit{}
	for name, raw := range members {
		if strings.Contains(name, "@odata.") {
			continue
		}
		var err error
		switch strings.ToLower(name) {
		case "categories":
			var v []string
			if err = json.Unmarshal(raw, &v); err == nil {
				e.add(propCategories, func(_ *mailbox, m *message) { m.categories = v })
			}
		case "isread":
			var v *bool
			if err = json.Unmarshal(raw, &v); err == nil && v == nil {
				err = errMember(name)
			}
			if err == nil {
				e.add(propRead, func(mb *mailbox, m *message) {
					if m.folder == nil {
						m.read = *v
						return
					}
					mb.setRead(m, *v)
				})
			}
		case "importance":
			err = e.word(raw, propImportance, importances, func(m *message, v string) { m.importance = v })
		case "inferenceclassification":
			err = e.word(raw, propImportance, inferences, func(m *message, v string) { m.inference = v })
		case "flag":
			err = e.flag(raw)
		case "singlevalueextendedproperties":
			err = e.extended(raw)
		case "subject":
			err = e.text(raw, func(m *message, v string) { m.subject = v })
		case "internetmessageid":
			err = e.text(raw, func(m *message, v string) { m.rfcID = v })
		case "body":
			err = e.body(raw)
		case "from":
			err = e.recipient(raw, func(m *message, a person) { m.from = a })
		case "sender":
			err = e.recipient(raw, func(m *message, a person) { m.sender = a })
		case "torecipients":
			err = e.recipients(raw, func(m *message, a []person) { m.to = a })
		case "ccrecipients":
			err = e.recipients(raw, func(m *message, a []person) { m.cc = a })
		case "bccrecipients":
			err = e.recipients(raw, func(m *message, a []person) { m.bcc = a })
		case "replyto":
			err = e.recipients(raw, func(m *message, a []person) { m.replyTo = a })
		case "internetmessageheaders":
			err = e.headers(raw)
		case "attachments":
			err = e.attachments(raw)
		case "isdeliveryreceiptrequested", "isreadreceiptrequested":
			var v *bool
			err = json.Unmarshal(raw, &v)
		default:
			if _, known := fieldByName[strings.ToLower(name)]; !known && !strings.EqualFold(name, "id") {
				return nil, errors.Join(errUnknownMember, errMember(name))
			}
		}
		if err != nil {
			if errors.Is(err, errHeaders) {
				return nil, err
			}
			return nil, errMember(name)
		}
	}
	return e, nil
}

func (e *edit) text(raw json.RawMessage, set func(*message, string)) error {
	var v *string
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if v == nil {
		v = new(string)
	}
	e.add(propContent, func(_ *mailbox, m *message) { set(m, *v) })
	return nil
}

func (e *edit) word(raw json.RawMessage, p property, allowed []string, set func(*message, string)) error {
	var v string
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) })
	if i < 0 {
		return errMember(v)
	}
	e.add(p, func(_ *mailbox, m *message) { set(m, allowed[i]) })
	return nil
}

func (e *edit) flag(raw json.RawMessage) error {
	var v struct {
		FlagStatus        string        `json:"flagStatus"`
		StartDateTime     *dateTimeZone `json:"startDateTime"`
		DueDateTime       *dateTimeZone `json:"dueDateTime"`
		CompletedDateTime *dateTimeZone `json:"completedDateTime"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if v.FlagStatus == "" {
		v.FlagStatus = "notFlagged"
	}
	if !slices.Contains(flagStates, v.FlagStatus) {
		return errMember("flagStatus")
	}
	e.add(propFlag, func(_ *mailbox, m *message) {
		m.flag = flag{v.FlagStatus, v.StartDateTime, v.DueDateTime, v.CompletedDateTime}
	})
	return nil
}

func (e *edit) extended(raw json.RawMessage) error {
	var v []struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	e.add(propImportance, func(_ *mailbox, m *message) {
		for _, x := range v {
			m.setExtended(x.ID, x.Value)
		}
	})
	return nil
}

func (e *edit) body(raw json.RawMessage) error {
	var v struct {
		ContentType string `json:"contentType"`
		Content     string `json:"content"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	switch strings.ToLower(v.ContentType) {
	case "html":
		e.add(propContent, func(_ *mailbox, m *message) { m.html, m.text = v.Content, "" })
	case "text", "":
		e.add(propContent, func(_ *mailbox, m *message) { m.html, m.text = "", v.Content })
	default:
		return errMember("contentType")
	}
	return nil
}

type wireRecipient struct {
	EmailAddress *struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	} `json:"emailAddress"`
}

func (w *wireRecipient) person() (person, error) {
	if w == nil {
		return person{}, nil
	}
	if w.EmailAddress == nil {
		return person{}, errMember("emailAddress")
	}
	return person{w.EmailAddress.Name, w.EmailAddress.Address}, nil
}

func (e *edit) recipient(raw json.RawMessage, set func(*message, person)) error {
	var v *wireRecipient
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	a, err := v.person()
	if err != nil {
		return err
	}
	e.add(propContent, func(_ *mailbox, m *message) { set(m, a) })
	return nil
}

func (e *edit) recipients(raw json.RawMessage, set func(*message, []person)) error {
	var v []*wireRecipient
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	var list []person
	for _, w := range v {
		a, err := w.person()
		if err != nil || w == nil {
			return errMember("emailAddress")
		}
		list = append(list, a)
	}
	e.add(propContent, func(_ *mailbox, m *message) { set(m, list) })
	return nil
}

// errHeaders is Graph's refusal of own headers that are too many or not x-.
var errHeaders = errors.New("internet message headers")

func (e *edit) headers(raw json.RawMessage) error {
	var v []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if len(v) > 5 {
		return errHeaders
	}
	var list []header
	for _, h := range v {
		if _, x := cutPrefixFold(h.Name, "x-"); !x || strings.ContainsAny(h.Name+h.Value, "\r\n") {
			return errHeaders
		}
		list = append(list, header{h.Name, h.Value})
	}
	e.add(propContent, func(_ *mailbox, m *message) { m.headers = list })
	return nil
}

func (e *edit) attachments(raw json.RawMessage) error {
	var v []struct {
		Name         string `json:"name"`
		ContentType  string `json:"contentType"`
		ContentBytes []byte `json:"contentBytes"`
		ContentID    string `json:"contentId"`
		IsInline     bool   `json:"isInline"`
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	e.add(propContent, func(mb *mailbox, m *message) {
		for _, a := range v {
			m.attachments = append(m.attachments, attachment{
				id: mb.attachmentID(m, len(m.attachments)), name: a.Name, contentType: a.ContentType, contentID: a.ContentID,
				inline: a.IsInline, size: len(a.ContentBytes), data: a.ContentBytes,
			})
		}
	})
	return nil
}

// parseMessage reads a body as an edit, or says why not.
func (mb *mailbox) parseMessage(raw []byte) (*edit, *response) {
	fail := func(resp response) (*edit, *response) { return nil, &resp }
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return fail(mb.sim.badRequest("Unable to read JSON request payload."))
	}
	e, err := parseEdit(members)
	var member errMember
	switch {
	case err == nil:
		return e, nil
	case errors.Is(err, errHeaders):
		return fail(mb.sim.fail(http.StatusBadRequest, "InvalidInternetMessageHeaderCollection",
			"Only x- headers can be set, and at most 5 of them."))
	case errors.Is(err, errUnknownMember) && errors.As(err, &member):
		return fail(mb.sim.fail(http.StatusBadRequest, "RequestBodyRead",
			"The property '"+string(member)+"' does not exist on type 'microsoft.graph.message'."))
	case errors.As(err, &member):
		return fail(mb.sim.invalidMember(string(member)))
	}
	return fail(mb.sim.badRequest(err.Error()))
}

// conflict reports whether an If-Match names another state of the message.
func (mb *mailbox) conflict(r *request, m *message) bool {
	want := r.header.Get("If-Match")
	return want != "" && want != "*" && want != m.etag() && !mb.sim.IfMatchIgnored
}

func (mb *mailbox) patchMessage(r *request, m *message) response {
	s := mb.sim
	if mb.conflict(r, m) {
		return s.fail(http.StatusPreconditionFailed, "ErrorIrresolvableConflict",
			"The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item.")
	}
	e, failed := mb.parseMessage(r.body)
	if failed != nil {
		return *failed
	}
	if e.content && !m.draft {
		return s.fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Sensitive properties of a message that is not a draft need Mail-Advanced.ReadWrite.")
	}
	mb.edit(m, e)
	resp := ok(mb.entity(r, m, &render{immutable: r.immutable()}))
	resp.header.Set("ETag", m.etag())
	return resp
}

// edit applies a change to a message in a folder and tells everyone.
func (mb *mailbox) edit(m *message, e *edit) {
	oldID := m.rfcID
	for _, apply := range e.apply {
		apply(mb, m)
	}
	if m.rfcID != oldID {
		mb.byRFCID[oldID] = without(mb.byRFCID[oldID], m)
		mb.byRFCID[m.rfcID] = append(mb.byRFCID[m.rfcID], m)
	}
	if e.content {
		m.raw = nil
		m.settle()
	}
	mb.touch(m, e.props...)
}
