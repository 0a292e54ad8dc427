package workspace_test

import (
	"testing"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/workspace/workspacesim"
)

// Who is in a group that opens a mailbox is told also when nobody is wished to be in it, or the last one would keep the mailbox.
func TestMembersOfATeamThatNobodyIsIn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const team = "team@contoso.com"
	d.sim.AddAccount(workspacesim.Account{Address: box, Name: "Contoso Support"})
	d.sim.AddGroup(team, "Team", "anna@contoso.com")
	d.sim.AddGroup("all@contoso.com", "Everybody", "bo@contoso.com")
	have := d.read(wish(box, fact(provision.Existence), "account", fact(provision.Group, team), "", fact(provision.Open, team), "",
		fact(provision.Open, "all@contoso.com"), ""))[0]
	members := map[string]bool{}
	for f := range have.Facts {
		if f.Aspect == provision.GroupMember {
			members[f.Subject] = true
		}
	}
	if anna := provision.GroupMembership(team, inbox.Address("anna@contoso.com")); len(members) != 1 || !members[anna] {
		t.Errorf("in the group of the manifest is Anna, and the other is nobody's business: %v", members)
	}
}
