package gmailsim

import (
	"slices"
	"strings"
	"time"
)

// DefaultMaxDelegates is what the API reference promises; the web client takes more, and the field has met less.
const DefaultMaxDelegates = 25

// delegate is somebody who opens the mailbox. One who was removed is kept while the lists show them still.
type delegate struct {
	address, status string
	shown           time.Time // in lists from then on
	removed         bool
	hidden          time.Time // if removed, not in lists from then on
}

type wireDelegate struct {
	DelegateEmail      string `json:"delegateEmail,omitempty"`
	VerificationStatus string `json:"verificationStatus,omitempty"`
}

type wireDelegates struct {
	Delegates []wireDelegate `json:"delegates,omitempty"`
}

// InviteDelegate is what a person does in the web client: the delegate is pending, and may end as any other status of the
// API (accepted, rejected, expired) by being invited again with it.
func (s *Sim) InviteDelegate(mailbox, address, status string) error {
	address = strings.ToLower(address)
	return s.edit(mailbox, func(t *txn) error {
		if i := t.delegate(address); i >= 0 {
			t.settings.delegates = slices.Delete(t.settings.delegates, i, i+1)
		}
		t.settings.delegates = append(t.settings.delegates, delegate{address: address, status: status})
		t.delegated = true
		return nil
	})
}

// Delegates are those who open the mailbox now, sorted, whatever the lists show.
func (s *Sim) Delegates(mailbox string) ([]string, error) {
	var list []string
	err := s.edit(mailbox, func(t *txn) error {
		list = t.mailbox.delegates()
		return nil
	})
	return list, err
}

func (mb *mailbox) delegates() []string {
	var list []string
	for _, d := range mb.settings.delegates {
		if !d.removed && d.status == accepted {
			list = append(list, d.address)
		}
	}
	slices.Sort(list)
	return list
}

// delegate is the index of one who is not removed, or -1.
func (mb *mailbox) delegate(address string) int {
	return slices.IndexFunc(mb.settings.delegates, func(d delegate) bool { return !d.removed && strings.EqualFold(d.address, address) })
}

// listed are those whom the API shows now.
func (c *call) listed() []wireDelegate {
	c.settings.delegates = slices.DeleteFunc(c.settings.delegates, func(d delegate) bool { return d.removed && !c.now.Before(d.hidden) })
	var list []wireDelegate
	for _, d := range c.settings.delegates {
		if !c.now.Before(d.shown) {
			list = append(list, wireDelegate{d.address, d.status})
		}
	}
	return list
}

// listDelegates leaves the list out where there is nobody.
func (c *call) listDelegates() (any, error) { return wireDelegates{c.listed()}, nil }

func (c *call) getDelegate() (any, error) {
	for _, d := range c.listed() {
		if strings.EqualFold(d.DelegateEmail, c.vars["delegateEmail"]) {
			return d, nil
		}
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
	there := 0
	for _, d := range c.settings.delegates {
		if !d.removed {
			there++
		}
	}
	switch {
	case c.sim.DelegationOff:
		return nil, precondition("Mail delegation is disabled for the user's organization")
	case !ok || domain != own || address == c.address || c.sim.IsAccount != nil && !c.sim.IsAccount(address):
		return nil, invalid("Invalid delegate")
	case c.delegate(address) >= 0:
		return nil, conflict("Delegate already exists")
	case there >= limit:
		return nil, precondition("Delegator user cannot have any more delegates")
	}
	c.settings.delegates = append(c.settings.delegates, delegate{address: address, status: accepted, shown: c.now.Add(c.sim.DelegateDelay)})
	c.delegated = true
	return wireDelegate{address, accepted}, nil
}

func (c *call) deleteDelegate() (any, error) {
	i := c.delegate(c.vars["delegateEmail"])
	if i < 0 {
		return nil, errNotFound
	}
	d := &c.settings.delegates[i]
	d.removed, d.hidden = true, c.now.Add(c.sim.DelegateDelay)
	c.delegated = true
	return nil, nil
}
