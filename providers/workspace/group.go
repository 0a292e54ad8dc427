package workspace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	directory "google.golang.org/api/admin/directory/v1"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/google"
)

// groupMark begins the description of groups made here. An insert whose answer was lost is told by it from a group that
// somebody else has made meanwhile.
const groupMark = "Shared mailbox, kept by Postroom"

// group finds the one with this address: nil where there is none, *held where the address is a group's alias.
func (a *Admin) group(ctx context.Context, address inbox.Address) (*directory.Group, error) {
	g, err := readOne(ctx, a, "read the group "+string(address), a.way.groups.Groups.Get(string(address)).Context(ctx).Do)
	if g == nil {
		return nil, err
	}
	if is := inbox.NewAddress(g.Email); is != address {
		return nil, &held{address: address, by: is}
	}
	return g, nil
}

// setGroup brings the group about with the name of the step, or renames the one that is there.
func (a *Admin) setGroup(ctx context.Context, s provision.Step) error {
	address, name := inbox.NewAddress(s.Fact.Subject), fold(s.After)
	if name == "" {
		name = string(address)
	}
	if s.Verb == provision.Set {
		g, err := a.group(ctx, address)
		if err == nil && g != nil && s.After == "" {
			return nil // any name will do
		}
		if err != nil || g != nil {
			return a.renameGroup(ctx, s, g, name, err)
		}
	}
	what := fmt.Sprintf("create the group %s of %s", address, s.Mailbox)
	_, err := a.way.groups.Groups.Insert(&directory.Group{
		Email: string(address), Name: name, Description: fmt.Sprintf("%s: %s", groupMark, s.Mailbox),
	}).Context(ctx).Do()
	if !google.HasCode(err, http.StatusConflict) {
		return a.refusedIfForbidden(a.explain(what, err))
	}
	g, err := a.group(ctx, address)
	var h *held
	switch {
	case errors.As(err, &h):
		return &trouble{"workspace: " + what, err, "take the alias away from that group first, or name another address"}
	case err != nil:
		return err
	case g != nil && strings.HasPrefix(g.Description, groupMark):
		return nil
	case g != nil:
		return &trouble{"workspace: " + what, errors.New("somebody else has created it in the meantime"), "make a new plan, which takes it as it is"}
	}
	return a.groupTaken(ctx, what, address)
}

// groupTaken: an insert met the address, and it is no group's.
func (a *Admin) groupTaken(ctx context.Context, what string, address inbox.Address) error {
	acc, err := a.lookup(ctx, address)
	if err != nil {
		return a.explainHeld(what, err)
	}
	if acc != nil {
		return &trouble{"workspace: " + what, fmt.Errorf("%s is an account", address), "name another address for the group"}
	}
	return &provision.NotYet{Err: fmt.Errorf("workspace: %s: Google says that the address is taken and does not show by whom", what)}
}

func (a *Admin) renameGroup(ctx context.Context, s provision.Step, g *directory.Group, name string, err error) error {
	what := fmt.Sprintf("name the group %s of %s", s.Fact.Subject, s.Mailbox)
	if err == nil {
		_, err = a.way.groups.Groups.Patch(g.Id, &directory.Group{Name: name}).Context(ctx).Do()
		err = a.explain(what, err)
	}
	return a.explainHeld(what, err)
}

// deleteGroup deletes the group with its conversations, which nobody can have back.
func (a *Admin) deleteGroup(ctx context.Context, s provision.Step) error {
	what := fmt.Sprintf("delete the group %s of %s", s.Fact.Subject, s.Mailbox)
	g, err := a.group(ctx, inbox.NewAddress(s.Fact.Subject))
	if err != nil || g == nil {
		return a.explainHeld(what, err)
	}
	err = a.way.groups.Groups.Delete(g.Id).Context(ctx).Do()
	if google.HasCode(err, http.StatusNotFound) {
		return nil
	}
	return a.explain(what, err)
}
