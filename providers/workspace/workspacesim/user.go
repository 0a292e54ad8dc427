package workspacesim

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

type wireName struct {
	GivenName  string `json:"givenName,omitempty"`
	FamilyName string `json:"familyName,omitempty"`
	FullName   string `json:"fullName,omitempty"`
}

type wireUser struct {
	Kind                       string          `json:"kind"`
	ID                         string          `json:"id"`
	Etag                       string          `json:"etag"`
	PrimaryEmail               string          `json:"primaryEmail"`
	Name                       wireName        `json:"name"`
	OrgUnitPath                string          `json:"orgUnitPath"`
	CustomerID                 string          `json:"customerId"`
	Aliases                    []string        `json:"aliases,omitempty"`
	NonEditableAliases         []string        `json:"nonEditableAliases,omitempty"`
	ExternalIDs                json.RawMessage `json:"externalIds,omitempty"`
	IncludeInGlobalAddressList bool            `json:"includeInGlobalAddressList"`
	IsMailboxSetup             bool            `json:"isMailboxSetup"`
	IsAdmin                    bool            `json:"isAdmin"`
	IsDelegatedAdmin           bool            `json:"isDelegatedAdmin"`
	Suspended                  bool            `json:"suspended"`
	SuspensionReason           string          `json:"suspensionReason,omitempty"`
	Archived                   bool            `json:"archived"`
	ChangePasswordAtNextLogin  bool            `json:"changePasswordAtNextLogin"`
	AgreedToTerms              bool            `json:"agreedToTerms"`
}

// wireUserIn is what may be written of an account; what is left out stays.
type wireUserIn struct {
	PrimaryEmail               *string         `json:"primaryEmail"`
	Name                       *wireName       `json:"name"`
	Password                   *string         `json:"password"`
	HashFunction               *string         `json:"hashFunction"`
	OrgUnitPath                *string         `json:"orgUnitPath"`
	ExternalIDs                json.RawMessage `json:"externalIds"`
	IncludeInGlobalAddressList *bool           `json:"includeInGlobalAddressList"`
	Suspended                  *bool           `json:"suspended"`
	Archived                   *bool           `json:"archived"`
	ChangePasswordAtNextLogin  *bool           `json:"changePasswordAtNextLogin"`
}

type wireUsers struct {
	Kind  string     `json:"kind"`
	Etag  string     `json:"etag"`
	Users []wireUser `json:"users,omitempty"`
	Next  string     `json:"nextPageToken,omitempty"`
}

func (s *Sim) wireUser(acc *account) wireUser {
	u := wireUser{
		Kind: "admin#directory#user", ID: acc.id, Etag: `"user"`, PrimaryEmail: acc.primary,
		Name:        wireName{GivenName: acc.given, FamilyName: acc.family, FullName: acc.name()},
		OrgUnitPath: acc.unit, CustomerID: Customer, NonEditableAliases: acc.fixed, ExternalIDs: acc.external,
		// Those of a domain alias are in both lists.
		Aliases:                    append(slices.Clone(acc.aliases), acc.fixed...),
		IncludeInGlobalAddressList: acc.shown, IsAdmin: acc.admin, Suspended: acc.suspended, Archived: acc.archived,
		ChangePasswordAtNextLogin: acc.changePassword,
		IsMailboxSetup:            !acc.mailbox.IsZero() && !acc.mailbox.After(s.now()),
	}
	if acc.suspended {
		u.SuspensionReason = "ADMIN"
	}
	return u
}

// settled: a new account shows, and can be changed, after a while.
func (s *Sim) settled(acc *account) bool { return !s.now().Before(acc.made.Add(s.Lag.Account)) }

var inUnit = regexp.MustCompile(`^orgUnitPath='((?:[^'\\]|\\.)*)'$`)

func (c *call) listUsers() (any, error) {
	q := c.r.URL.Query()
	if q.Get("customer") == "" && q.Get("domain") == "" {
		return nil, bad("Bad Request")
	}
	if customer := q.Get("customer"); customer != "" && customer != "my_customer" && customer != Customer {
		return nil, forbiddenHere
	}
	unit := ""
	if query := q.Get("query"); query != "" {
		m := inUnit.FindStringSubmatch(query)
		if m == nil {
			return nil, bad("Invalid Input: query")
		}
		unit = strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(m[1])
		if c.units[strings.ToLower(unit)] == "" {
			return nil, bad("Invalid Input: INVALID_OU_ID")
		}
	}
	var list []*account
	for _, acc := range c.sorted() {
		under := unit == "" || unit == "/" || strings.EqualFold(acc.unit, unit) ||
			strings.HasPrefix(strings.ToLower(acc.unit), strings.ToLower(unit)+"/")
		if under && c.settled(acc) && !c.now().Before(acc.made.Add(c.Lag.Listed)) {
			list = append(list, acc)
		}
	}
	page, next, err := pageOf(c, list, 100, 500)
	if err != nil {
		return nil, err
	}
	out := wireUsers{Kind: "admin#directory#users", Etag: `"users"`, Next: next}
	for _, acc := range page {
		out.Users = append(out.Users, c.wireUser(acc))
	}
	return out, nil
}

// pageOf cuts the page out of a list that the query asks for.
func pageOf[T any](c *call, list []T, usual, most int) (page []T, next string, err error) {
	size, from := usual, 0
	if v := c.r.URL.Query().Get("maxResults"); v != "" {
		if size, err = strconv.Atoi(v); err != nil || size < 1 || size > most {
			return nil, "", bad("Invalid Input: maxResults")
		}
	}
	if v := c.r.URL.Query().Get("pageToken"); v != "" {
		if from, err = strconv.Atoi(v); err != nil || from < 0 || from > len(list) {
			return nil, "", bad("Invalid Input: pageToken")
		}
	}
	end := min(len(list), from+size)
	if end < len(list) {
		next = strconv.Itoa(end)
	}
	return list[from:end], next, nil
}

func (c *call) getUser() (any, error) {
	acc, err := c.account("userKey")
	if err != nil {
		return nil, err
	}
	if !c.settled(acc) {
		return nil, noUser
	}
	return c.wireUser(acc), nil
}

// account is that of a path; one of another organisation is forbidden and not unknown.
func (c *call) account(variable string) (*account, error) {
	key := c.vars[variable]
	if acc := c.user(key); acc != nil {
		return acc, nil
	}
	if strings.Contains(key, "@") && !c.ours(key) {
		return nil, forbiddenHere
	}
	return nil, noUser
}

func (c *call) insertUser() (any, error) {
	var in wireUserIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.PrimaryEmail == nil || !strings.Contains(*in.PrimaryEmail, "@") || strings.ContainsAny(*in.PrimaryEmail, " <>") {
		return nil, bad("Invalid Input: primary_user_email")
	}
	address := strings.ToLower(*in.PrimaryEmail)
	switch {
	case in.Name == nil:
		return nil, bad("Invalid Given/Family Name: GivenName")
	case in.Password == nil || len(*in.Password) < 8 || len(*in.Password) > 100:
		return nil, bad("Invalid Password")
	case !c.ours(address):
		return nil, fail(404, "notFound", "Resource Not Found: domain")
	}
	acc := &account{
		id: c.id("1"), primary: address, unit: "/", shown: true, made: c.now(), licences: map[string]string{},
	}
	if err := c.write(acc, &in); err != nil {
		return nil, err
	}
	if c.taken(address) {
		return nil, duplicate
	}
	c.accounts[acc.id] = acc
	if product, sku, ok := strings.Cut(c.AutoLicence, "/"); ok {
		acc.licences[product] = sku
		c.equip(acc, product, c.Lag.Mailbox)
	}
	return c.wireUser(acc), nil
}

// write puts what came into the account.
func (c *call) write(acc *account, in *wireUserIn) error {
	if in.Name != nil {
		given, family := acc.given, acc.family
		if in.Name.GivenName != "" {
			given = in.Name.GivenName
		}
		if in.Name.FamilyName != "" {
			family = in.Name.FamilyName
		}
		for field, name := range map[string]string{"GivenName": given, "FamilyName": family} {
			if strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 60 || strings.ContainsAny(name, "<>") {
				return bad("Invalid Given/Family Name: " + field)
			}
		}
		acc.given, acc.family = given, family
	}
	if in.OrgUnitPath != nil {
		unit := c.units[strings.ToLower(*in.OrgUnitPath)]
		if unit == "" {
			return bad("Invalid Input: INVALID_OU_ID")
		}
		acc.unit = unit
	}
	if len(in.ExternalIDs) > 0 {
		acc.external = in.ExternalIDs
	}
	set(&acc.shown, in.IncludeInGlobalAddressList)
	set(&acc.suspended, in.Suspended)
	set(&acc.archived, in.Archived)
	set(&acc.changePassword, in.ChangePasswordAtNextLogin)
	return nil
}

func set(to, from *bool) {
	if from != nil {
		*to = *from
	}
}

func (c *call) patchUser() (any, error) {
	acc, err := c.account("userKey")
	if err != nil {
		return nil, err
	}
	if !c.settled(acc) {
		return nil, incomplete
	}
	var in wireUserIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	if in.PrimaryEmail != nil && !strings.EqualFold(*in.PrimaryEmail, acc.primary) {
		return nil, bad("renaming is not simulated")
	}
	if err := c.write(acc, &in); err != nil {
		return nil, err
	}
	return c.wireUser(acc), nil
}

func (c *call) deleteUser() (any, error) {
	acc, err := c.account("userKey")
	if err != nil {
		return nil, err
	}
	if !c.settled(acc) {
		return nil, incomplete
	}
	delete(c.accounts, acc.id)
	for _, g := range c.groups {
		g.members = slices.DeleteFunc(g.members, func(m member) bool { return m.address == acc.primary })
	}
	if tell := c.OnDelete; tell != nil {
		address := acc.primary
		c.told = append(c.told, func() { tell(address) })
	}
	return nothing{}, nil
}
