package gmailsim

import (
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"
)

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

// AddSendAs gives a mailbox a further, verified address to send from. With the mailbox's own address it sets
// that one's display name.
func (s *Sim) AddSendAs(mailbox, address, displayName string) error {
	address = strings.ToLower(address)
	return s.edit(mailbox, func(t *txn) error {
		if own := t.sendAs(address); own != nil {
			own.DisplayName = displayName
			return nil
		}
		t.settings.sendAs = append(t.settings.sendAs, wireSendAs{SendAsEmail: address, DisplayName: displayName, TreatAsAlias: true, VerificationStatus: accepted})
		return nil
	})
}

// ConfirmSendAs is what the owner of an address does by the link in Gmail's mail.
func (s *Sim) ConfirmSendAs(mailbox, address string) error {
	return s.edit(mailbox, func(t *txn) error {
		a := t.sendAs(address)
		if a == nil {
			return fmt.Errorf("no send-as address %s", address)
		}
		a.VerificationStatus = accepted
		return nil
	})
}

const accepted, pending = "accepted", "pending"

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

func (c *call) createSendAs() (any, error) {
	var in wireSendAs
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	in.SendAsEmail = strings.ToLower(strings.TrimSpace(in.SendAsEmail))
	_, domain, ok := strings.Cut(in.SendAsEmail, "@")
	if !ok || domain == "" {
		return nil, invalid("Invalid send-as email")
	}
	if c.sendAs(in.SendAsEmail) != nil {
		return nil, conflict("Send-as alias already exists")
	}
	_, home, _ := strings.Cut(c.address, "@")
	own := domain == home
	if c.sim.OwnsAddress != nil {
		own = c.sim.OwnsAddress(c.address, in.SendAsEmail)
	}
	in.VerificationStatus = pending
	if own {
		in.VerificationStatus = accepted
	}
	in.IsPrimary, in.Signature = false, sanitised(in.Signature)
	isDefault := in.IsDefault && own
	in.IsDefault = false
	c.settings.sendAs = append(c.settings.sendAs, in)
	if isDefault {
		c.makeDefault(in.SendAsEmail)
	}
	return *c.sendAs(in.SendAsEmail), nil
}

// patchSendAs changes what the body names.
func (c *call) patchSendAs() (any, error) {
	var in struct {
		DisplayName    *string `json:"displayName"`
		ReplyToAddress *string `json:"replyToAddress"`
		Signature      *string `json:"signature"`
		IsDefault      *bool   `json:"isDefault"`
		TreatAsAlias   *bool   `json:"treatAsAlias"`
	}
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	a := c.sendAs(c.vars["sendAsEmail"])
	switch {
	case a == nil:
		return nil, errNotFound
	case in.IsDefault != nil && !*in.IsDefault:
		return nil, invalid("isDefault can only be set to true")
	case in.IsDefault != nil && a.VerificationStatus == pending:
		return nil, precondition("The send-as alias is not verified")
	}
	for to, value := range map[*string]*string{&a.DisplayName: in.DisplayName, &a.ReplyToAddress: in.ReplyToAddress} {
		if value != nil {
			*to = *value
		}
	}
	if in.Signature != nil {
		a.Signature = sanitised(*in.Signature)
	}
	if in.TreatAsAlias != nil {
		a.TreatAsAlias = *in.TreatAsAlias
	}
	if in.IsDefault != nil {
		c.makeDefault(a.SendAsEmail)
	}
	return *a, nil
}

func (c *call) makeDefault(address string) {
	for i := range c.settings.sendAs {
		c.settings.sendAs[i].IsDefault = c.settings.sendAs[i].SendAsEmail == address
	}
}

var (
	scripts = regexp.MustCompile(`(?is)<script.*?(</script>|$)`)
	voids   = regexp.MustCompile(`(?i)<(br|hr|img)([^>]*?)\s*/>`)
	anchors = regexp.MustCompile(`(?i)<a\s+`)
)

// sanitised is what Gmail makes of a signature's HTML, as far as anybody has told: no scripts, its own spelling of tags,
// and an element around it all.
func sanitised(html string) string {
	if html = scripts.ReplaceAllString(html, ""); html == "" {
		return ""
	}
	html = voids.ReplaceAllString(html, "<$1$2>")
	html = anchors.ReplaceAllString(html, `<a target="_blank" `)
	return `<div dir="ltr">` + html + `</div>`
}
