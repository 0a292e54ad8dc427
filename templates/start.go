package templates

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed postroom.yaml mailbox/*.yaml
var starts embed.FS

// Start is what a first manifest is made with. Its texts may be anything and stand in the file as text; from the names of
// members is taken out what no marker can have. Whether all of it makes a manifest is for its reader to tell.
type Start struct {
	Organisation string
	Domains      []string // the first is that of the examples in comments
	Timezone     string   // IANA name
	Provider     string   // m365 or gmail
	Mailboxes    []Mailbox
	Members      []Member // they are agents of each mailbox, and the first its lead
}

// Mailbox is one mailbox of a Start.
type Mailbox struct {
	Kind    string // one of Kinds
	Address string
}

// Member is one person of a Start.
type Member struct {
	Name  string
	Email string
}

// Kinds are what a mailbox can be for: each has a section with rules and tags of its own.
func Kinds() []string { return []string{"support", "sales", "invoices", "jobs"} }

// Manifest is a first postroom.yaml, with comments at what there is to choose. It fails where Start lacks something or asks
// for a kind or a provider that there is not.
func Manifest(s Start) ([]byte, error) {
	switch {
	case s.Provider != "m365" && s.Provider != "gmail":
		return nil, fmt.Errorf("the provider %q: write m365 or gmail", s.Provider)
	case len(s.Domains) == 0:
		return nil, errors.New("a manifest needs a domain of the organisation")
	case len(s.Members) == 0:
		return nil, errors.New("a manifest needs a member, who answers")
	case len(s.Mailboxes) == 0:
		return nil, errors.New("a manifest needs a mailbox")
	}
	v := view{Organisation: s.Organisation, Timezone: clean(s.Timezone, 100), Provider: s.Provider, Marker: "category"}
	if s.Provider == "gmail" {
		v.Marker = "label"
	}
	for _, d := range s.Domains {
		v.Domains = append(v.Domains, clean(d, 300))
	}
	v.Domain = v.Domains[0]
	for _, m := range s.Members {
		key := memberKey(m.Email, v.Members)
		name := PersonName(m.Name)
		if name == "" {
			name = key
		}
		v.Agents = append(v.Agents, key)
		v.Members = append(v.Members, person{Key: key, Name: name, Email: clean(m.Email, 300)})
	}
	v.Leads = v.Agents[:1]
	t, err := template.New("").Funcs(template.FuncMap{"text": Scalar, "list": Flow, "people": people, "comment": comment, "named": named, "html": html.EscapeString}).
		ParseFS(starts, "postroom.yaml", "mailbox/*.yaml")
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := t.ExecuteTemplate(&out, "postroom.yaml", v); err != nil {
		return nil, err
	}
	for i, m := range s.Mailboxes {
		if !slices.Contains(Kinds(), m.Kind) {
			return nil, fmt.Errorf("the mailbox %q: there is no kind %q, only %s", m.Address, m.Kind, strings.Join(Kinds(), ", "))
		}
		if i > 0 {
			out.WriteByte('\n')
		}
		v.Address = strings.ToLower(clean(m.Address, 300))
		if err := t.ExecuteTemplate(&out, m.Kind+".yaml", v); err != nil {
			return nil, err
		}
	}
	return out.Bytes(), nil
}

// view is what the templates see.
type view struct {
	Organisation, Timezone, Provider, Domain, Address string
	Marker                                            string // the provider's word
	Domains, Agents, Leads                            []string
	Members                                           []person
}

type person struct{ Key, Name, Email string }

// people is a list of members' keys, in one line or, where that gets long, one a line.
func people(keys []string) string {
	if line := Flow(keys); len(line) < 100 {
		return line
	}
	var out strings.Builder
	for _, one := range keys {
		out.WriteString("\n      - " + Scalar(one))
	}
	return out.String()
}

// named puts what a mailbox is for behind the organisation's name.
func named(organisation, what string) string {
	return strings.TrimSpace(organisation + " " + what)
}

// memberKey makes a key out of the part of an address before the @ that nobody in the list has.
func memberKey(email string, list []person) string {
	local, _, _ := strings.Cut(email, "@")
	stem := KeyStem(local)
	if stem == "" {
		stem = "member"
	}
	for n := 1; ; n++ {
		one := stem
		if n > 1 {
			one += strconv.Itoa(n)
		}
		if !slices.ContainsFunc(list, func(p person) bool { return p.Key == one }) {
			return one
		}
	}
}
