package boot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Administrations are the real administrations, pointed at the simulated tenants.
func (s *Simulation) Administrations(o AdministrationOptions) (*Administrations, error) {
	return s.Simulators().Administrations(o)
}

// simulated is what is kept of the tenants between two processes: what is true of each mailbox, as its administration tells it.
type simulated struct {
	Mailboxes []simulatedMailbox `json:"mailboxes"`
}

type simulatedMailbox struct {
	Address  inbox.MailboxID   `json:"address,omitempty"` // empty: the tenant itself
	Provider inbox.Provider    `json:"provider"`
	Facts    []provision.Value `json:"facts"`
	// Names are those of the people among the subjects.
	Names map[inbox.Address]string `json:"names,omitempty"`
}

func (m simulatedMailbox) wish() provision.Mailbox {
	out := provision.Mailbox{Address: m.Address, Provider: m.Provider, Facts: map[provision.Fact]string{}, Names: m.Names}
	for _, v := range m.Facts {
		out.Facts[v.Fact] = v.Value
	}
	return out
}

// Restore is called once, before the first request. It makes people of everybody who has a right in o.Want or in what was kept, and brings about what was kept through the
// administrations, so that every part of the simulators has it. Nothing kept is no error.
func (s *Simulation) Restore(ctx context.Context, kept []byte, o AdministrationOptions) error {
	var file simulated
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, &file); err != nil {
			return err
		}
	}
	var want []provision.Mailbox
	for _, m := range file.Mailboxes {
		want = append(want, m.wish())
	}
	all := slices.Concat(want, o.Want)
	s.tie(all)
	if err := s.addPeople(all); err != nil {
		return err
	}
	if len(want) == 0 {
		return nil
	}
	o.Want = want
	ways, err := s.Administrations(o)
	if err != nil {
		return err
	}
	estate := ways.Estate()
	plan, err := estate.Plan(ctx, want, provision.Options{Made: o.Now()})
	if err != nil {
		return err
	}
	run := provision.Run{
		Estate: &estate, Journal: &memory.Journal{}, Locks: &memory.Locks{}, Holder: "restore", By: "restore", Now: o.Now, Wait: o.Wait,
	}
	report, err := run.Apply(ctx, want, plan)
	if err != nil {
		return err
	}
	if e := report.Undone(); e != nil { // what a person had to do, such as a licence at Microsoft 365, is left out
		return fmt.Errorf("%s: %s: %s", e.Step.Mailbox, e.Step.What, e.Says)
	}
	return nil
}

// tie lets what works the mail ask the administration: whom the app reaches, and who there is.
func (s *Simulation) tie(list []provision.Mailbox) {
	for _, m := range list {
		for f := range m.Facts {
			if f.Aspect == provision.AppScope {
				s.Graph.Reach = s.Exchange.Reaches
			}
		}
	}
	s.Gmail.IsAccount = func(address string) bool {
		_, ok := s.Workspace.Account(address)
		return ok
	}
	s.Gmail.OwnsAddress = func(mailbox, address string) bool {
		account, ok := s.Workspace.Account(mailbox)
		return ok && slices.Contains(account.Aliases, address)
	}
}

// Dump reads what Restore is to bring about: of each mailbox in o.Want or kept that is there.
func (s *Simulation) Dump(ctx context.Context, kept []byte, o AdministrationOptions) ([]byte, error) {
	var file simulated
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, &file); err != nil {
			return nil, err
		}
	}
	want := slices.Clone(o.Want)
	for _, m := range file.Mailboxes {
		if !slices.ContainsFunc(want, func(w provision.Mailbox) bool { return w.Address == m.Address && w.Provider == m.Provider }) {
			want = append(want, m.wish())
		}
	}
	o.Want = want
	ways, err := s.Administrations(o)
	if err != nil {
		return nil, err
	}
	estate := ways.Estate()
	have, err := estate.Read(ctx, want, nil)
	if err != nil {
		return nil, err
	}
	file.Mailboxes = nil
	for _, m := range have {
		out := simulatedMailbox{Address: m.Address, Provider: m.Provider, Names: map[inbox.Address]string{}}
		for _, w := range want { // whoever is wished is not asked for by name when it is read
			if w.Address == m.Address && w.Provider == m.Provider {
				maps.Copy(out.Names, w.Names)
			}
		}
		maps.Copy(out.Names, m.Names)
		for f, v := range m.Facts {
			if f.Aspect == provision.FolderNames && v == "other" {
				continue // so it is of itself, and nobody can bring it about
			}
			out.Facts = append(out.Facts, provision.Value{Fact: f, Value: v})
		}
		slices.SortFunc(out.Facts, func(a, b provision.Value) int {
			return cmp.Or(cmp.Compare(a.Fact.Aspect, b.Fact.Aspect), cmp.Compare(a.Fact.Subject, b.Fact.Subject))
		})
		if len(out.Facts) > 0 {
			file.Mailboxes = append(file.Mailboxes, out)
		}
	}
	data, err := json.MarshalIndent(file, "", "  ")
	return append(data, '\n'), err
}

// simulatedLicence is that of the simulated people at Google: Business Standard.
const simulatedLicence = "Google-Apps/1010020028"

// addPeople makes a user of everybody who has a right at a mailbox, in the mailbox's tenant.
func (s *Simulation) addPeople(list []provision.Mailbox) error {
	known, names := map[string]bool{}, map[inbox.Address]string{}
	for _, m := range list {
		maps.Copy(names, m.Names)
	}
	for _, m := range list {
		for f := range m.Facts {
			who := f.Subject
			switch f.Aspect {
			case provision.GroupMember:
				_, who, _ = strings.Cut(f.Subject, "/")
				if who == string(m.Address) {
					continue // the account itself, which is made as a mailbox
				}
			case provision.OrgUnit:
				s.Workspace.AddOrgUnit(m.Facts[f])
				continue
			case provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf:
			default:
				continue
			}
			key := string(m.Provider) + " " + who
			if known[key] {
				continue
			}
			known[key] = true
			var err error
			if m.Provider == inbox.Gmail {
				s.Workspace.AddAccount(workspacesim.Account{Address: who, Name: names[inbox.Address(who)], Licences: []string{simulatedLicence}})
			} else {
				err = s.Exchange.AddUser(exchangesim.Recipient{Address: who, Name: names[inbox.Address(who)]})
			}
			if err != nil {
				return errors.Join(fmt.Errorf("a person at %s", m.Provider), err)
			}
		}
	}
	return nil
}
