package exchangesim

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// lagged is a value whose changes show later. The newest one is true from the moment it is set.
type lagged[T any] struct {
	values []T
	shown  []time.Time
}

func (l *lagged[T]) set(v T, shows time.Time) {
	l.values, l.shown = append(l.values, v), append(l.shown, shows)
}

// now is what is true.
func (l *lagged[T]) now() T {
	if len(l.values) == 0 {
		var zero T
		return zero
	}
	return l.values[len(l.values)-1]
}

// at is what shows at t.
func (l *lagged[T]) at(t time.Time) T {
	for i := len(l.values) - 1; i >= 0; i-- {
		if !l.shown[i].After(t) {
			return l.values[i]
		}
	}
	var zero T
	return zero
}

// recipient is a mailbox, a person or a group.
type recipient struct {
	guid, object, sid string
	kind              string // RecipientTypeDetails
	name, alias       string // the name is unique, the display name among the properties is not
	upn               string
	visible           time.Time
	deleted           bool
	shownUntil        time.Time // of a deleted one
	licensed          bool
	size              int64
	props             lagged[properties]
	access            lagged[map[string]entry] // FullAccess and ReadPermission, by guid
	sendAs            lagged[map[string]bool]
	region            lagged[region]
	reply             lagged[string]
	reach             lagged[bool]
}

// properties are what Set-Mailbox changes.
type properties struct {
	display                 string
	proxies                 []string
	hidden, disabled        bool
	copyAs, copyBehalf      bool
	warn, noSend, noReceive int64
	custom                  [16]string
	extension5              []string
	behalf                  []string // guids
	primary                 string
}

func (p properties) clone() properties {
	p.proxies, p.extension5, p.behalf = slices.Clone(p.proxies), slices.Clone(p.extension5), slices.Clone(p.behalf)
	return p
}

// entry is somebody's rights at a mailbox.
type entry struct {
	full, read, deny bool
	mapped           bool // as given with FullAccess; nothing shows it
}

type region struct{ language, date, clock, zone, folders string }

// Microsoft's own domain of the tenant.
const initial = "contoso.onmicrosoft.com"

// create adds a recipient that shows from the time given.
func (s *Sim) create(kind, name, display, address string, visible time.Time) *recipient {
	s.count++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %s", s.count, address))
	guid := func(b []byte) string { return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16]) }
	r := &recipient{
		guid: guid(sum[:16]), object: guid(sum[16:]), sid: fmt.Sprintf("S-1-5-21-1004336348-1177238915-682003330-%d", 1000+s.count),
		kind: kind, name: name, alias: name, upn: address, visible: visible,
	}
	p := properties{display: display, primary: address, warn: 49 << 30, noSend: 99 << 29, noReceive: 50 << 30}
	p.proxies = []string{"SMTP:" + address, "smtp:" + name + "@" + initial, "SPO:SPO_" + r.guid + "@SPO_" + r.object}
	if kind == "UserMailbox" {
		p.proxies = append(p.proxies, "SIP:"+address)
	}
	r.props.set(p, visible)
	r.access.set(map[string]entry{}, visible)
	r.sendAs.set(map[string]bool{}, visible)
	r.region.set(region{folders: "en-US"}, visible)
	r.reply.set("Disabled", visible)
	s.recipients = append(s.recipients, r)
	return r
}

// free is a name that no recipient has.
func (s *Sim) free(name string) string {
	for i := 1; ; i++ {
		n := name
		if i > 1 {
			n = fmt.Sprintf("%s%d", name, i)
		}
		if s.named(n) == nil {
			return n
		}
	}
}

func (s *Sim) named(name string) *recipient {
	for _, r := range s.recipients {
		if !r.deleted && (strings.EqualFold(r.name, name) || strings.EqualFold(r.alias, name)) {
			return r
		}
	}
	return nil
}

// holder is who has an address, whether it shows yet or not.
func (s *Sim) holder(address string) *recipient {
	for _, r := range s.recipients {
		if !r.deleted && r.owns(r.props.now(), address) {
			return r
		}
	}
	return nil
}

func (r *recipient) owns(p properties, address string) bool {
	return slices.ContainsFunc(p.proxies, func(x string) bool {
		kind, rest, _ := strings.Cut(x, ":")
		return strings.EqualFold(kind, "smtp") && strings.EqualFold(rest, address)
	})
}

// shows reports whether the recipient is seen at t.
func (r *recipient) shows(t time.Time) bool {
	return !r.visible.After(t) && (!r.deleted || r.shownUntil.After(t))
}

// called reports whether identity means the recipient: an address, a user principal name, one of its names or ids.
func (r *recipient) called(identity string, p properties) bool {
	for _, x := range []string{r.name, r.alias, r.upn, r.guid, r.object, r.sid, p.display, "CN=" + r.name} {
		if strings.EqualFold(x, identity) {
			return true
		}
	}
	return r.owns(p, identity)
}

// find gives the recipients that identity means and that show now.
func (s *Sim) find(identity string) []*recipient {
	var out []*recipient
	t := s.now()
	for _, r := range s.recipients {
		if r.shows(t) && (r.called(identity, r.props.at(t)) || identity == "*") {
			out = append(out, r)
		}
	}
	return out
}

func (s *Sim) one(identity string) (*recipient, *refusal) {
	switch list := s.find(identity); len(list) {
	case 0:
		return nil, notFound(identity)
	case 1:
		return list[0], nil
	default:
		return nil, refuse(400, "Microsoft.Exchange.Configuration.Tasks.ManagementObjectAmbiguousException", "The operation couldn't be performed because '%s' matches multiple entries.", identity)
	}
}

// mailbox is one that identity means.
func (s *Sim) mailbox(identity string) (*recipient, *refusal) {
	r, no := s.one(identity)
	if no == nil && !strings.HasSuffix(r.kind, "Mailbox") {
		return nil, notFound(identity)
	}
	return r, no
}

// shown is how a holder of a right is written: a person by the user principal name, a group by its name, somebody who is gone
// by the security identifier.
func (s *Sim) shown(guid string) string {
	t := s.now()
	for _, r := range s.recipients {
		if r.guid != guid {
			continue
		}
		switch {
		case !r.shows(t):
			return r.sid
		case s.NamesOnly || strings.Contains(r.kind, "Group"):
			return r.props.at(t).display
		}
		return r.upn
	}
	return guid
}

// rights are everybody's at the mailbox, as they are now.
func (s *Sim) rights(m *recipient) map[string][]string {
	out := map[string][]string{}
	if m.deleted {
		return out
	}
	add := func(guid, right string) {
		for _, r := range s.recipients {
			if r.guid == guid && !r.deleted {
				who := strings.ToLower(r.props.now().primary)
				out[who] = append(out[who], right)
			}
		}
	}
	for guid, e := range m.access.now() {
		if e.full {
			add(guid, "FullAccess")
		}
		if e.read {
			add(guid, "ReadPermission")
		}
	}
	for guid := range m.sendAs.now() {
		add(guid, "SendAs")
	}
	for _, guid := range m.props.now().behalf {
		add(guid, "SendOnBehalf")
	}
	for who := range out {
		slices.Sort(out[who])
	}
	return out
}

func (s *Sim) accessChanged(m *recipient) {
	if s.OnAccess != nil {
		s.OnAccess(strings.ToLower(m.props.now().primary), s.rights(m))
	}
}

// change sets properties of a mailbox.
func (s *Sim) change(m *recipient, edit func(*properties)) {
	p := m.props.now().clone()
	edit(&p)
	m.props.set(p, s.now().Add(s.Delays.Setting))
	s.measureReach()
}

// setAccess changes somebody's entry; an entry without rights goes.
func (s *Sim) setAccess(m *recipient, guid string, edit func(*entry)) {
	all := maps.Clone(m.access.now())
	e := all[guid]
	edit(&e)
	if e.full || e.read || e.deny {
		all[guid] = e
	} else {
		delete(all, guid)
	}
	m.access.set(all, s.now().Add(s.Delays.Permission))
	s.accessChanged(m)
}
