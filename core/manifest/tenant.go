package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// M365Tenant is how the app and its reach are set up in Microsoft 365.
type M365Tenant struct {
	App       string // application id; "" where provisioning leaves the app's reach alone
	Principal string // object id of the app in Enterprise applications; may be ""
	Scope     string // name of the management scope, and the value of the mark
	Mark      string // attribute of a mailbox in the app's reach
	Control   inbox.Address
}

// GoogleTenant is what new accounts get in Google Workspace.
type GoogleTenant struct {
	OrgUnit string
	Licence string // product/SKU
	Control inbox.Address
}

// M365 is what the manifest says of the tenant at Microsoft 365, with the defaults where it says nothing.
func (m *Manifest) M365() M365Tenant { return m.m365 }

// Google is what the manifest says of the organisation's Google Workspace.
func (m *Manifest) Google() GoogleTenant { return m.google }

// Mark is the attribute of a mailbox at Microsoft 365 that says that the app may reach it, such as CustomAttribute15.
func (m *Manifest) Mark() string { return m.m365.Mark }

// Controls are the mailboxes that Postroom has to be refused by, as far as the manifest names one at a provider.
func (m *Manifest) Controls() map[inbox.Provider]inbox.Address {
	out := make(map[inbox.Provider]inbox.Address)
	if a := m.m365.Control; a != "" {
		out[M365] = a
	}
	if a := m.google.Control; a != "" {
		out[Gmail] = a
	}
	return out
}

// Defaults of m365.
const (
	defaultScope = "Postroom"
	defaultMark  = "CustomAttribute15"
)

var (
	guid       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	attributes = regexp.MustCompile(`^CustomAttribute([1-9]|1[0-5])$`)
	scopeName  = regexp.MustCompile(`^[\p{L}\p{N}][\p{L}\p{N} ._-]{0,62}[\p{L}\p{N}]$`)
	skuName    = regexp.MustCompile(`^[A-Za-z0-9-]{1,40}/[A-Za-z0-9-]{1,40}$`)
)

// tenants reads what concerns no single mailbox.
func (r *reader) tenants() {
	at := path("").key("m365")
	in, out := r.doc.M365, &r.out.m365
	id := func(s, key string) string {
		p := at.key(key)
		if s == "" {
			r.addEmpty(p)
		} else if !guid.MatchString(s) {
			r.add(r.at(p), fmt.Sprintf("%q is not an id", s), "copy it from the Entra admin centre; it looks like 1f2e3d4c-0000-4000-8000-0123456789ab")
		}
		return strings.ToLower(s)
	}
	out.App, out.Principal = id(in.App, "app"), id(in.Principal, "principal")
	if out.App == "" && out.Principal != "" && !r.has(at.key("app")) {
		r.add(r.name(at.key("principal")), "there is no app that this is the principal of", "write app: with the application id beside it")
	}
	if out.Scope = in.Scope; in.Scope == "" {
		out.Scope = defaultScope
		r.addEmpty(at.key("scope"))
	} else if !scopeName.MatchString(in.Scope) {
		r.add(r.at(at.key("scope")), fmt.Sprintf("%q cannot name a scope", in.Scope), "use letters, digits, spaces, - _ and . only, 2 to 64 of them")
	}
	if out.Mark = in.Mark; in.Mark == "" {
		out.Mark = defaultMark
		r.addEmpty(at.key("mark"))
	} else if !attributes.MatchString(in.Mark) {
		r.add(r.at(at.key("mark")), fmt.Sprintf("%q is no attribute that can hold the mark", in.Mark), "write one of CustomAttribute1 to CustomAttribute15 that nothing else uses")
	}
	at = path("").key("google")
	r.out.google.OrgUnit = r.orgUnit(r.doc.Google.OrgUnit, at.key("org-unit"))
	r.out.google.Licence = r.licence(r.doc.Google.Licence, at.key("licence"))
}

// beyond checks the addresses that must not be declared: those of control mailboxes and of retired ones.
func (r *reader) beyond() {
	control := func(s string, p path) inbox.Address {
		if s == "" {
			r.addEmpty(p)
			return ""
		}
		a, ok := r.address(s, p)
		if box, taken := r.mailboxAt[a]; ok && taken {
			r.add(r.at(p), fmt.Sprintf("the address %s is one of mailbox %s", a, box), "a control is a mailbox that Postroom has nothing to do with and must be refused by")
		}
		return a
	}
	r.out.m365.Control = control(r.doc.M365.Control, path("").key("m365").key("control"))
	r.out.google.Control = control(r.doc.Google.Control, path("").key("google").key("control"))
	seen := make(map[inbox.Address]bool)
	for _, e := range r.doc.Retired {
		p := path("").key("retired").key(e.Key)
		a, ok := r.address(e.Key, p)
		if !ok {
			continue
		}
		switch box, taken := r.mailboxAt[a]; {
		case taken && box == string(a):
			r.add(r.name(p), fmt.Sprintf("the mailbox %s is among the mailboxes", a), "a mailbox is used or retired; take it out in one place")
		case taken && e.Value.Mailbox == "delete":
			r.add(r.name(p), fmt.Sprintf("the address %s is one of mailbox %s", a, box), "apply without the alias first; the address is free when the retired mailbox is gone")
		case taken:
			r.add(r.name(p), fmt.Sprintf("the address %s is one of mailbox %s", a, box), "a mailbox that is kept keeps its address; take it out in one place, or write mailbox: delete and apply without the alias first")
		case a == r.out.m365.Control || a == r.out.google.Control:
			r.add(r.name(p), fmt.Sprintf("the mailbox %s is a control", a), "name another control")
		case r.heldBy[a] != "":
			r.add(r.name(p), fmt.Sprintf("the address %s is the one of member %s", a, r.heldBy[a]), "a person's own mailbox is not retired here")
		case seen[a]:
			r.add(r.name(p), fmt.Sprintf("the mailbox %s is here a second time", a), "letter case does not count; take one out")
		case e.Value.Mailbox == "delete":
			r.out.retired = append(r.out.retired, provision.Mailbox{Address: inbox.MailboxID(a), Provider: Provider(e.Value.Provider)})
		}
		seen[a] = true
	}
}

// skus are the licences that have a word of their own ("Google Workspace: product and SKU IDs" of the Enterprise License
// Manager API).
var skus = []struct{ word, sku string }{
	{"business-starter", "Google-Apps/1010020027"}, {"business-standard", "Google-Apps/1010020028"}, {"business-plus", "Google-Apps/1010020025"},
	{"enterprise-standard", "Google-Apps/1010020026"}, {"enterprise-plus", "Google-Apps/1010020020"},
	{"frontline-starter", "Google-Apps/1010020030"}, {"frontline-standard", "Google-Apps/1010020031"}, {"frontline-plus", "Google-Apps/1010020034"},
}

// licence reads a licence of Google Workspace.
func (r *reader) licence(s string, p path) string {
	if s == "" {
		r.addEmpty(p)
		return ""
	}
	var words []string
	for _, one := range skus {
		if one.word == s {
			return one.sku
		}
		words = append(words, one.word)
	}
	if !skuName.MatchString(s) {
		fix := "write one of " + strings.Join(words, ", ") + ", or product/SKU as in Google-Apps/1010020027"
		if best := nearest(s, words); best != "" {
			fix = `did you mean "` + best + `"?`
		}
		r.add(r.at(p), fmt.Sprintf("there is no licence %q", s), fix)
	}
	return s
}

// orgUnit reads the path of an organisational unit.
func (r *reader) orgUnit(s string, p path) string {
	switch parts := strings.Split(s, "/"); {
	case s == "":
		r.addEmpty(p)
	case s == "/":
	case parts[0] != "" || slices.ContainsFunc(parts[1:], func(one string) bool { return strings.TrimSpace(one) != one || one == "" }) ||
		utf8.RuneCountInString(s) > maxName || strings.ContainsFunc(s, unicode.IsControl):
		r.add(r.at(p), fmt.Sprintf("%q is not the path of an organisational unit", s), "write it from the top, as in /Shared mailboxes or /Teams/Support")
	}
	return s
}
