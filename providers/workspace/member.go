package workspace

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

const (
	// membersPage is the largest page of members.list.
	membersPage = 200
	// allMail is the delivery that the account behind a group needs; others come to nobody's mailbox.
	allMail = "ALL_MAIL"
)

// members gives those of a group, each with its role. A group that is not there has none. A member without an address,
// such as everybody of the organisation, is named by its id.
func (a *Admin) members(ctx context.Context, group inbox.Address, put func(provision.Fact, string)) error {
	token := ""
	for {
		var page *directory.Members
		err := a.read(ctx, "list the members of "+string(group), func() (err error) {
			call := a.way.groups.Members.List(string(group)).MaxResults(membersPage).Context(ctx)
			if token != "" {
				call.PageToken(token)
			}
			page, err = call.Do()
			return err
		})
		if hasAnswer(err, http.StatusNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, m := range page.Members {
			who := inbox.NewAddress(m.Email)
			if who == "" {
				who = inbox.Address(m.Id)
			}
			put(provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(group, who)}, m.Role)
		}
		if page.NextPageToken == "" {
			return nil
		}
		if page.NextPageToken == token {
			return fmt.Errorf("workspace: list the members of %s: Google gives the same page again", group)
		}
		token = page.NextPageToken
	}
}

// delivery looks whether the account behind a group gets its mail, which the list of members does not tell. One that does
// not is a member of another kind than is wished, so that it is made one.
func (a *Admin) delivery(ctx context.Context, group inbox.Address, l *glance) error {
	m, err := readOne(ctx, a, fmt.Sprintf("read the membership of %s in %s", l.behind, group),
		a.way.groups.Members.Get(string(group), string(l.behind)).Context(ctx).Do)
	if m == nil {
		return err // nil: in the list alone, so far
	}
	if m.DeliverySettings != "" && m.DeliverySettings != allMail {
		l.put(provision.Fact{Aspect: provision.GroupMember, Subject: provision.GroupMembership(group, l.behind)}, m.Role+", mail "+m.DeliverySettings)
	}
	return nil
}

var roles = []string{"MEMBER", "MANAGER", "OWNER"}

// setMember makes somebody a member, or gives a member another role. Whoever is one gets all mail of the group if it is
// the account behind it; what people chose for themselves stays.
func (a *Admin) setMember(ctx context.Context, s provision.Step) error {
	group, who, ok := membership(s.Fact)
	role := strings.ToUpper(s.After)
	if role == "" {
		role = roles[0]
	}
	if !ok || !slices.Contains(roles, role) {
		return fmt.Errorf("workspace: %q as %q is no membership of %s", s.Fact.Subject, s.After, s.Mailbox)
	}
	what := fmt.Sprintf("make %s a %s of %s", who, role, group)
	m, err := a.way.groups.Members.Insert(string(group), &directory.Member{Email: string(who), Role: role, DeliverySettings: allMail}).Context(ctx).Do()
	if google.HasCode(err, http.StatusConflict) {
		return a.changeMember(ctx, what, s, role)
	}
	if err != nil {
		return a.explainMember(what, s, who, err)
	}
	if is := inbox.NewAddress(m.Email); is != "" && is != who {
		// The file names somebody by an alias; who is in a group is told by primary addresses.
		if err := a.way.groups.Members.Delete(string(group), m.Id).Context(ctx).Do(); err != nil {
			return a.explain("undo: "+what, err)
		}
		return aliased(what, who, is)
	}
	return nil
}

func aliased(what string, who, is inbox.Address) error {
	return &trouble{"workspace: " + what, &held{address: who, by: is}, fmt.Sprintf("write %s in the manifest", is)}
}

// changeMember gives somebody who is a member the role, and the account behind the group its mail.
func (a *Admin) changeMember(ctx context.Context, what string, s provision.Step, role string) error {
	group, who, _ := membership(s.Fact)
	m, err := a.way.groups.Members.Get(string(group), string(who)).Context(ctx).Do()
	if err != nil {
		return a.explainMember(what, s, who, err)
	}
	if is := inbox.NewAddress(m.Email); is != "" && is != who {
		return aliased(what, who, is)
	}
	switch {
	case who == inbox.Address(s.Mailbox) && m.DeliverySettings != allMail:
		// Only an update sets the delivery, and it sets all of a membership.
		change := &directory.Member{Email: string(who), Role: role, DeliverySettings: allMail}
		_, err = a.way.groups.Members.Update(string(group), string(who), change).Context(ctx).Do()
	case m.Role != role:
		_, err = a.way.groups.Members.Patch(string(group), string(who), &directory.Member{Role: role}).Context(ctx).Do()
	}
	if err != nil {
		return a.explainMember(what, s, who, err)
	}
	return nil
}

// explainMember: a group or an account that was made just now takes time to get around; another that is not there
// takes a person.
func (a *Admin) explainMember(what string, s provision.Step, who inbox.Address, err error) error {
	switch {
	case says(err, "memberKey") && google.HasCode(err, http.StatusNotFound, http.StatusBadRequest) && who != inbox.Address(s.Mailbox):
		return &trouble{"workspace: " + what, fmt.Errorf("whoever %s is, Google knows no such account or group", who), "correct the address in the manifest, or create the account or group first"}
	case google.HasCode(err, http.StatusNotFound) || says(err, "memberKey"):
		return &provision.NotYet{Err: fmt.Errorf("workspace: %s: the group or the account is not there, or not yet", what)}
	}
	return a.explain(what, err)
}

func (a *Admin) removeMember(ctx context.Context, s provision.Step) error {
	group, who, ok := membership(s.Fact)
	if !ok {
		return fmt.Errorf("workspace: %q is no membership of %s", s.Fact.Subject, s.Mailbox)
	}
	err := a.way.groups.Members.Delete(string(group), string(who)).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) || says(err, "memberKey") {
		return nil
	}
	return a.explain(fmt.Sprintf("take %s out of %s", who, group), err)
}
