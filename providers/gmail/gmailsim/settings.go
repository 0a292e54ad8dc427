package gmailsim

import (
	"mime"
	"slices"
	"strings"
)

// DefaultMaxDelegates is what the API reference promises; the web client takes more, and the field has met less.
const DefaultMaxDelegates = 25

type settings struct {
	sendAs    []wireSendAs // the first is the primary address
	delegates []wireDelegate
	vacation  wireVacation
	language  string
}

func newSettings(address string) settings {
	return settings{
		sendAs:   []wireSendAs{{SendAsEmail: address, IsPrimary: true, IsDefault: true}},
		language: "en",
	}
}

type wireSendAs struct {
	SendAsEmail        string `json:"sendAsEmail"`
	DisplayName        string `json:"displayName"`
	ReplyToAddress     string `json:"replyToAddress"`
	Signature          string `json:"signature"`
	IsPrimary          bool   `json:"isPrimary,omitempty"`
	IsDefault          bool   `json:"isDefault,omitempty"`
	TreatAsAlias       bool   `json:"treatAsAlias,omitempty"`
	VerificationStatus string `json:"verificationStatus,omitempty"`
}

func (s wireSendAs) from() string {
	if s.DisplayName == "" {
		return s.SendAsEmail
	}
	return mime.QEncoding.Encode("utf-8", s.DisplayName) + " <" + s.SendAsEmail + ">"
}

type wireSendAsList struct {
	SendAs []wireSendAs `json:"sendAs,omitempty"`
}

type wireDelegate struct {
	DelegateEmail      string `json:"delegateEmail,omitempty"`
	VerificationStatus string `json:"verificationStatus,omitempty"`
}

type wireDelegates struct {
	Delegates []wireDelegate `json:"delegates,omitempty"`
}

type wireVacation struct {
	EnableAutoReply       bool   `json:"enableAutoReply"`
	ResponseSubject       string `json:"responseSubject,omitempty"`
	ResponseBodyPlainText string `json:"responseBodyPlainText,omitempty"`
	ResponseBodyHTML      string `json:"responseBodyHtml,omitempty"`
	RestrictToContacts    bool   `json:"restrictToContacts,omitempty"`
	RestrictToDomain      bool   `json:"restrictToDomain,omitempty"`
	StartTime             id64   `json:"startTime,omitempty"`
	EndTime               id64   `json:"endTime,omitempty"`
}

type wireLanguage struct {
	DisplayLanguage string `json:"displayLanguage"`
}

// AddSendAs gives a mailbox a further, verified address to send from. With the mailbox's own address it sets
// that one's display name.
func (s *Sim) AddSendAs(mailbox, address, displayName string) error {
	address = strings.ToLower(address)
	return s.edit(mailbox, func(t *txn) error {
		if own := t.sendAs(address); own != nil {
			own.DisplayName = displayName
			return nil
		}
		t.settings.sendAs = append(t.settings.sendAs, wireSendAs{SendAsEmail: address, DisplayName: displayName, TreatAsAlias: true, VerificationStatus: "accepted"})
		return nil
	})
}

func (mb *mailbox) sendAs(address string) *wireSendAs {
	for i := range mb.settings.sendAs {
		if strings.EqualFold(mb.settings.sendAs[i].SendAsEmail, address) {
			return &mb.settings.sendAs[i]
		}
	}
	return nil
}

func (c *call) listSendAs() (any, error) {
	return wireSendAsList{slices.Clone(c.settings.sendAs)}, nil
}

func (c *call) getSendAs() (any, error) {
	if s := c.sendAs(c.vars["sendAsEmail"]); s != nil {
		return *s, nil
	}
	return nil, errNotFound
}

func (c *call) listDelegates() (any, error) {
	return wireDelegates{slices.Clone(c.settings.delegates)}, nil
}

func (c *call) delegate(address string) int {
	return slices.IndexFunc(c.settings.delegates, func(d wireDelegate) bool { return strings.EqualFold(d.DelegateEmail, address) })
}

func (c *call) getDelegate() (any, error) {
	if i := c.delegate(c.vars["delegateEmail"]); i >= 0 {
		return c.settings.delegates[i], nil
	}
	return nil, errNotFound
}

// createDelegate accepts at once, as it does for a service account with domain-wide delegation.
func (c *call) createDelegate() (any, error) {
	var in wireDelegate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	address := strings.ToLower(strings.TrimSpace(in.DelegateEmail))
	_, domain, ok := strings.Cut(address, "@")
	_, own, _ := strings.Cut(c.address, "@")
	limit := c.sim.MaxDelegates
	if limit == 0 {
		limit = DefaultMaxDelegates
	}
	switch {
	case !ok || domain != own || address == c.address:
		return nil, invalid("Invalid delegate")
	case c.delegate(address) >= 0:
		return nil, conflict("Delegate already exists")
	case len(c.settings.delegates) >= limit:
		return nil, precondition("Delegator user cannot have any more delegates")
	}
	d := wireDelegate{DelegateEmail: address, VerificationStatus: "accepted"}
	c.settings.delegates = append(c.settings.delegates, d)
	return d, nil
}

func (c *call) deleteDelegate() (any, error) {
	i := c.delegate(c.vars["delegateEmail"])
	if i < 0 {
		return nil, errNotFound
	}
	c.settings.delegates = slices.Delete(c.settings.delegates, i, i+1)
	return nil, nil
}

func (c *call) getVacation() (any, error) { return c.settings.vacation, nil }

func (c *call) updateVacation() (any, error) {
	var in wireVacation
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.EnableAutoReply && in.ResponseSubject == "" && in.ResponseBodyPlainText == "" && in.ResponseBodyHTML == "" {
		return nil, invalid("Either a subject or a body is required to enable the vacation responder")
	}
	if in.StartTime != 0 && in.EndTime != 0 && in.StartTime >= in.EndTime {
		return nil, invalid("startTime must precede endTime")
	}
	c.settings.vacation = in
	return in, nil
}

func (c *call) getLanguage() (any, error) { return wireLanguage{c.settings.language}, nil }
