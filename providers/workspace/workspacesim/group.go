package workspacesim

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Group is one group as a test looks at it.
type Group struct {
	Address, Name, Description string
	Settings                   map[string]string
	Members                    map[string]string // the role, by address
	Delivery                   map[string]string // the delivery, by address
}

type group struct {
	id, address, name, description string
	aliases                        []string
	settings                       map[string]string
	members                        []member
	made                           time.Time
}

type member struct {
	id, address, role, delivery, kind string
	since                             time.Time
}

// AddGroup puts a group there, as if it had been there for long, with these members.
func (s *Sim) AddGroup(address, name string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &group{id: s.id("03"), address: strings.ToLower(address), name: name, settings: newSettings()}
	for _, m := range members {
		g.members = append(g.members, member{id: s.id("2"), address: strings.ToLower(m), role: "MEMBER", delivery: "ALL_MAIL", kind: "USER"})
	}
	s.groups[g.id] = g
}

// Group looks at one group by its address.
func (s *Sim) Group(address string) (Group, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.findGroup(address)
	if g == nil {
		return Group{}, false
	}
	out := Group{
		Address: g.address, Name: g.name, Description: g.description, Settings: maps.Clone(g.settings),
		Members: map[string]string{}, Delivery: map[string]string{},
	}
	for _, m := range g.members {
		out.Members[m.address], out.Delivery[m.address] = m.role, m.delivery
	}
	return out, true
}

// findGroup finds one by address, alias or id.
func (s *Sim) findGroup(key string) *group {
	if g := s.groups[key]; g != nil {
		return g
	}
	key = strings.ToLower(key)
	for _, g := range s.groups {
		if g.address == key || slices.Contains(g.aliases, key) {
			return g
		}
	}
	return nil
}

// groupOf is that of a path. A new one is found by its own path at once, and below and elsewhere after a while.
func (c *call) groupOf(variable string, settled bool) (*group, error) {
	g := c.findGroup(c.vars[variable])
	if g == nil || settled && c.now().Before(g.made.Add(c.Lag.Group)) {
		return nil, noGroup
	}
	return g, nil
}

type wireGroup struct {
	Kind         string   `json:"kind"`
	ID           string   `json:"id"`
	Etag         string   `json:"etag"`
	Email        string   `json:"email"`
	Name         string   `json:"name"`
	Description  string   `json:"description"`
	Members      string   `json:"directMembersCount"`
	AdminCreated bool     `json:"adminCreated"`
	Aliases      []string `json:"aliases,omitempty"`
}

type wireGroupIn struct {
	Email       *string `json:"email"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

func (g *group) wire() wireGroup {
	return wireGroup{
		Kind: "admin#directory#group", ID: g.id, Etag: `"group"`, Email: g.address, Name: g.name, Description: g.description,
		Members: "0", AdminCreated: true, Aliases: g.aliases,
	}
}

func (c *call) insertGroup() (any, error) {
	var in wireGroupIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.Email == nil || !strings.Contains(*in.Email, "@") || strings.ContainsAny(*in.Email, " <>") {
		return nil, bad("Invalid Input: email")
	}
	address := strings.ToLower(*in.Email)
	if !c.ours(address) {
		return nil, fail(404, "notFound", "Domain not found.")
	}
	if c.taken(address) {
		return nil, duplicate
	}
	g := &group{id: c.id("03"), address: address, name: address, settings: newSettings(), made: c.now()}
	if err := g.write(&in); err != nil {
		return nil, err
	}
	c.groups[g.id] = g
	return g.wire(), nil
}

func (g *group) write(in *wireGroupIn) error {
	if in.Name != nil {
		if utf8.RuneCountInString(*in.Name) > 73 {
			return bad("Invalid Input: name")
		}
		g.name = *in.Name
	}
	if in.Description != nil {
		if len(*in.Description) > 4096 {
			return bad("Invalid Input: description")
		}
		g.description = *in.Description
	}
	return nil
}

func (c *call) getGroup() (any, error) {
	g, err := c.groupOf("groupKey", false)
	if err != nil {
		return nil, err
	}
	return g.wire(), nil
}

func (c *call) patchGroup() (any, error) {
	g, err := c.groupOf("groupKey", true)
	if err != nil {
		return nil, err
	}
	var in wireGroupIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if err := g.write(&in); err != nil {
		return nil, err
	}
	return g.wire(), nil
}

func (c *call) deleteGroup() (any, error) {
	g, err := c.groupOf("groupKey", true)
	if err != nil {
		return nil, err
	}
	delete(c.groups, g.id)
	return nothing{}, nil
}

// SetDelivery says how much of a group's mail a member gets, as people choose it for themselves: ALL_MAIL, DIGEST, NONE …
func (s *Sim) SetDelivery(group, who, delivery string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.findGroup(group); g != nil {
		if i := s.indexOf(g, who); i >= 0 {
			g.members[i].delivery = delivery
		}
	}
}
