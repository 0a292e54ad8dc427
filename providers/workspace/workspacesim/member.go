package workspacesim

import (
	"slices"
	"strings"
)

type wireMember struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Etag     string `json:"etag"`
	Email    string `json:"email,omitempty"`
	Role     string `json:"role"`
	Type     string `json:"type"`
	Status   string `json:"status,omitempty"`
	Delivery string `json:"delivery_settings,omitempty"`
}

type wireMemberIn struct {
	Email    string  `json:"email"`
	Role     *string `json:"role"`
	Delivery *string `json:"delivery_settings"`
}

type wireMembers struct {
	Kind    string       `json:"kind"`
	Etag    string       `json:"etag"`
	Members []wireMember `json:"members,omitempty"`
	Next    string       `json:"nextPageToken,omitempty"`
}

// wire shows a member. The delivery is shown by get, insert and update alone.
func (m member) wire(delivery bool) wireMember {
	out := wireMember{Kind: "admin#directory#member", ID: m.id, Etag: `"member"`, Email: m.address, Role: m.role, Type: m.kind, Status: "ACTIVE"}
	if delivery {
		out.Delivery = m.delivery
	}
	return out
}

func (c *call) listMembers() (any, error) {
	g, err := c.groupOf("groupKey", true)
	if err != nil {
		return nil, err
	}
	var list []member
	for _, m := range g.members {
		if !c.now().Before(m.since) {
			list = append(list, m)
		}
	}
	page, next, err := pageOf(c, list, 200, 200)
	if err != nil {
		return nil, err
	}
	out := wireMembers{Kind: "admin#directory#members", Etag: `"members"`, Next: next}
	for _, m := range page {
		out.Members = append(out.Members, m.wire(false))
	}
	return out, nil
}

func (c *call) insertMember() (any, error) {
	g, err := c.groupOf("groupKey", true)
	if err != nil {
		return nil, err
	}
	var in wireMemberIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	m := member{id: c.id("2"), address: strings.ToLower(in.Email), role: "MEMBER", delivery: "ALL_MAIL", kind: "USER", since: c.now().Add(c.Lag.Members)}
	if acc := c.user(m.address); acc != nil {
		if !c.settled(acc) {
			return nil, noMember
		}
		m.address, m.id = acc.primary, acc.id
	} else if other := c.findGroup(m.address); other != nil {
		m.address, m.id, m.kind = other.address, other.id, "GROUP"
		if c.reaches(other, g) {
			return nil, bad("Cyclic memberships not allowed")
		}
	} else if c.ours(m.address) || !strings.Contains(m.address, "@") {
		return nil, noMember
	}
	if err := m.write(&in); err != nil {
		return nil, err
	}
	if c.indexOf(g, m.address) >= 0 {
		return nil, fail(409, "duplicate", "Member already exists.")
	}
	g.members = append(g.members, m)
	c.tellMembers(g)
	return m.wire(true), nil
}

// reaches reports whether to is from itself or below it.
func (s *Sim) reaches(from, to *group) bool {
	if from == to {
		return true
	}
	return slices.ContainsFunc(from.members, func(m member) bool {
		next := s.findGroup(m.address)
		return m.kind == "GROUP" && next != nil && s.reaches(next, to)
	})
}

func (m *member) write(in *wireMemberIn) error {
	if in.Role != nil {
		if !slices.Contains([]string{"MEMBER", "MANAGER", "OWNER"}, *in.Role) {
			return bad("Invalid Input: role")
		}
		m.role = *in.Role
	}
	if in.Delivery != nil {
		if !slices.Contains([]string{"ALL_MAIL", "DAILY", "DIGEST", "DISABLED", "NONE"}, *in.Delivery) {
			return bad("Invalid Input: delivery_settings")
		}
		m.delivery = *in.Delivery
	}
	return nil
}

// indexOf finds a member by address, alias or id.
func (s *Sim) indexOf(g *group, key string) int {
	if acc := s.user(key); acc != nil {
		key = acc.primary
	}
	return slices.IndexFunc(g.members, func(m member) bool { return m.id == key || strings.EqualFold(m.address, key) })
}

func (c *call) memberOf() (*group, int, error) {
	g, err := c.groupOf("groupKey", true)
	if err != nil {
		return nil, 0, err
	}
	i := c.indexOf(g, c.vars["memberKey"])
	if i < 0 {
		return nil, 0, noMember
	}
	return g, i, nil
}

func (c *call) getMember() (any, error) {
	g, i, err := c.memberOf()
	if err != nil {
		return nil, err
	}
	return g.members[i].wire(true), nil
}

// patchMember leaves the delivery as it is, whatever it is told.
func (c *call) patchMember() (any, error) { return c.changeMember(false) }

func (c *call) updateMember() (any, error) { return c.changeMember(true) }

func (c *call) changeMember(delivery bool) (any, error) {
	g, i, err := c.memberOf()
	if err != nil {
		return nil, err
	}
	var in wireMemberIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if !delivery {
		in.Delivery = nil
	}
	if err := g.members[i].write(&in); err != nil {
		return nil, err
	}
	return g.members[i].wire(delivery), nil
}

func (c *call) deleteMember() (any, error) {
	g, i, err := c.memberOf()
	if err != nil {
		return nil, err
	}
	g.members = slices.Delete(g.members, i, i+1)
	c.tellMembers(g)
	return nothing{}, nil
}

func (s *Sim) tellMembers(g *group) {
	if s.OnMembers == nil {
		return
	}
	tell, address, list := s.OnMembers, g.address, []string(nil)
	for _, m := range g.members {
		list = append(list, m.address)
	}
	slices.Sort(list)
	s.told = append(s.told, func() { tell(address, list) })
}
