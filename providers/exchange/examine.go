package exchange

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// maxTeam is how many people should use a shared mailbox at once ("About shared mailboxes").
const maxTeam = 25

// Examine looks for what keeps shared mailboxes from being worked, or soon will. want is what the manifest wishes, the tenant
// included where the app's reach is managed; controls are mailboxes that the app must not reach. It changes nothing, and
// whatever fails is itself a finding.
func (a *Admin) Examine(ctx context.Context, want []provision.Mailbox, controls []inbox.MailboxID) []provision.Finding {
	mine := slices.DeleteFunc(slices.Clone(want), func(m provision.Mailbox) bool { return m.Provider != inbox.M365 })
	if len(mine) == 0 {
		return nil
	}
	have, err := a.Read(ctx, mine, []provision.Aspect{
		provision.Existence, provision.SignIn, provision.Quota, provision.SentCopies, provision.Licence,
		provision.Open, provision.Read, provision.SendAs, provision.SendOnBehalf,
	})
	if err != nil {
		return []provision.Finding{roleFinding(err)}
	}
	out := []provision.Finding{{Check: "exchange-role", Verdict: provision.Good, Says: "the provisioning app may administer Exchange"}}
	var boxes []inbox.MailboxID
	for i := range mine {
		m := &have[i]
		switch {
		case m.Address == "":
		case !m.Exists():
			out = append(out, provision.Finding{Check: "mailbox", Mailbox: m.Address, Verdict: provision.Bad, Says: "there is no such mailbox", Fix: "postroom plan, then postroom apply"})
		default:
			boxes = append(boxes, m.Address)
			out = append(out, examineSignIn(m), examineSentCopies(m), examineTeam(m))
			out = append(out, examineOther(m.Address, a.other[m.Address])...)
			out = append(out, a.examineGroups(ctx, &mine[i], m)...)
		}
	}
	out = append(out, a.examineSizes(ctx, boxes, have)...)
	return append(out, a.examineReach(ctx, mine, boxes, controls)...)
}

// roleFinding is what it means that nothing could be read.
func roleFinding(err error) provision.Finding {
	f := provision.Finding{Check: "exchange-role", Verdict: provision.Skipped, Says: err.Error(), Fix: "try again in some minutes"}
	var refused *provision.Refused
	if errors.As(err, &refused) {
		f.Verdict = provision.Bad
		f.Fix = "Entra admin center, Enterprise applications > the provisioning app: under Permissions Exchange.ManageAsApp with admin consent; and Roles & admins > Exchange Recipient Administrator > Add assignments > the app"
	}
	return f
}

func finding(check string, m inbox.MailboxID, verdict provision.Verdict, fix, format string, a ...any) provision.Finding {
	return provision.Finding{Check: check, Mailbox: m, Verdict: verdict, Says: fmt.Sprintf(format, a...), Fix: fix}
}

func examineSignIn(m *provision.Mailbox) provision.Finding {
	switch v, ok := m.Facts[provision.Fact{Aspect: provision.SignIn}]; {
	case !ok:
		return finding("sign-in", m.Address, provision.Skipped, "Microsoft 365 admin center, Users > Active users: see whether sign-in is blocked", "Exchange does not say whether sign-in is blocked")
	case v != "blocked":
		return finding("sign-in", m.Address, provision.Bad, "Set-Mailbox -Identity "+quote(string(m.Address))+" -AccountDisabled $true", "one can sign in as the mailbox itself")
	}
	return finding("sign-in", m.Address, provision.Good, "", "sign-in is blocked")
}

func examineSentCopies(m *provision.Mailbox) provision.Finding {
	var off []string
	for _, subject := range []string{"as", "on-behalf"} {
		if m.Facts[provision.Fact{Aspect: provision.SentCopies, Subject: subject}] == "off" {
			off = append(off, "-"+sentCopies[subject]+" $true")
		}
	}
	if len(off) > 0 {
		return finding("sent-copies", m.Address, provision.Bad, "Set-Mailbox -Identity "+quote(string(m.Address))+" "+strings.Join(off, " "),
			"answers of members are not all copied to the mailbox, so Postroom does not see them")
	}
	return finding("sent-copies", m.Address, provision.Good, "", "answers of members are copied to the mailbox")
}

func examineTeam(m *provision.Mailbox) provision.Finding {
	who := map[string]bool{}
	for f := range m.Facts {
		if right(f.Aspect) {
			who[f.Subject] = true
		}
	}
	switch {
	case len(who) == 0:
		return finding("team", m.Address, provision.Good, "", "nobody has rights")
	case len(who) == 1:
		return finding("team", m.Address, provision.Good, "", "one person or group has rights")
	case len(who) > maxTeam:
		return finding("team", m.Address, provision.Warning, "divide the work among several mailboxes, or use a Microsoft 365 group",
			"%d people or groups have rights; Microsoft advises against more than %d at once", len(who), maxTeam)
	}
	return finding("team", m.Address, provision.Good, "", "%d people or groups have rights", len(who))
}

// examineOther tells of rights that a manifest cannot name, and that let people do more than it says.
func examineOther(m inbox.MailboxID, rights []otherRight) []provision.Finding {
	var out []provision.Finding
	for _, o := range rights {
		take := Command{Name: "Remove-MailboxPermission", Parameters: map[string]any{"Identity": string(m), "User": o.who, "AccessRights": o.right}}
		out = append(out, finding("other-rights", m, provision.Warning, take.String(), "%s has the right %s, which is not the manifest's to give or take", clean(o.who), clean(o.right)))
	}
	return out
}

// examineGroups finds groups that shall have the mailbox mapped in Outlook: that never happens.
func (a *Admin) examineGroups(ctx context.Context, want, have *provision.Mailbox) []provision.Finding {
	var mapped []string
	for _, who := range subjects(want, provision.Open) {
		if want.Facts[provision.Fact{Aspect: provision.Open, Subject: who}] == "mapped" {
			mapped = append(mapped, who)
		}
	}
	if len(mapped) == 0 {
		return nil
	}
	results, err := a.recipients(ctx, mapped)
	if err != nil {
		return []provision.Finding{finding("auto-mapping", have.Address, provision.Skipped, "try again in some minutes", "%v", err)}
	}
	var out []provision.Finding
	for i, r := range results {
		for _, row := range r.Rows {
			if strings.Contains(row.text("RecipientTypeDetails"), "Group") {
				out = append(out, finding("auto-mapping", have.Address, provision.Warning,
					"write the members one by one in the manifest, or auto-mapping: false and let them add the mailbox in Outlook (Add shared folder or mailbox)",
					"%s is a group: its members can open the mailbox, but Outlook does not show it by itself", mapped[i]))
			}
		}
	}
	return out
}

func (a *Admin) examineSizes(ctx context.Context, boxes []inbox.MailboxID, have []provision.Mailbox) []provision.Finding {
	if len(boxes) == 0 {
		return nil
	}
	commands := make([]Command, len(boxes))
	for i, m := range boxes {
		commands[i] = ofAddress("Get-MailboxStatistics", string(m), []string{"TotalItemSize"})
	}
	results, err := a.shell.Run(ctx, commands...)
	if err != nil {
		return []provision.Finding{finding("quota", "", provision.Skipped, "try again in some minutes", "%v", err)}
	}
	out := make([]provision.Finding, len(boxes))
	for i, r := range results {
		at := slices.IndexFunc(have, func(m provision.Mailbox) bool { return m.Address == boxes[i] })
		out[i] = examineSize(&have[at], r)
	}
	return out
}

func examineSize(m *provision.Mailbox, r Result) provision.Finding {
	if r.Err != nil || len(r.Rows) == 0 {
		return finding("quota", m.Address, provision.Skipped, "open the mailbox once, so that Exchange makes it", "Exchange does not say how much is in it")
	}
	n, ok := size(r.Rows[0].text("TotalItemSize"))
	if !ok {
		return finding("quota", m.Address, provision.Skipped, "Get-MailboxStatistics -Identity "+quote(string(m.Address)), "Exchange does not say how much is in it")
	}
	limit := int64(unlicensed)
	if text, ok := m.Facts[provision.Fact{Aspect: provision.Quota}]; ok {
		if l, ok := size(text); ok {
			limit = l
		}
	}
	gb := func(n int64) string { return fmt.Sprintf("%.1f GB", float64(n)/(1<<30)) }
	fix := licenceFor(m.Address) + "; or move old mail out"
	switch {
	case n >= limit:
		return finding("quota", m.Address, provision.Bad, fix, "%s of %s: it is full, and mail to it bounces", gb(n), gb(limit))
	case n >= limit/50*49:
		return finding("quota", m.Address, provision.Bad, fix, "%s of %s: it sends nothing any more", gb(n), gb(limit))
	case n >= limit/10*9:
		return finding("quota", m.Address, provision.Warning, fix, "%s of %s: it is nearly full", gb(n), gb(limit))
	}
	return finding("quota", m.Address, provision.Good, "", "%s of %s", gb(n), gb(limit))
}

// examineReach asks Exchange itself, past its caches, what the app's roles reach. What Entra grants beside them it does not
// know; that Graph's own check finds.
func (a *Admin) examineReach(ctx context.Context, want []provision.Mailbox, boxes, controls []inbox.MailboxID) []provision.Finding {
	at := slices.IndexFunc(want, func(m provision.Mailbox) bool { return m.Address == "" })
	if at < 0 || object(&want[at]) == "" {
		return nil
	}
	app := object(&want[at])
	test := func(resource string) Command {
		return Command{Name: "Test-ServicePrincipalAuthorization", Parameters: map[string]any{"Identity": app, "Resource": resource}}
	}
	var commands []Command
	for _, m := range slices.Concat(boxes, controls) {
		commands = append(commands, test(string(m)))
	}
	if len(commands) == 0 {
		return nil
	}
	results, err := a.shell.Run(ctx, commands...)
	if err != nil {
		return []provision.Finding{finding("reach", "", provision.Skipped, "try again in some minutes", "%v", err)}
	}
	var out []provision.Finding
	for i, r := range results {
		if i < len(boxes) {
			out = append(out, examineBox(boxes[i], &want[at], r))
		} else {
			out = append(out, examineControl(controls[i-len(boxes)], r))
		}
	}
	return out
}

func examineBox(m inbox.MailboxID, tenant *provision.Mailbox, r Result) provision.Finding {
	if r.Err != nil {
		return finding("reach", m, provision.Skipped, "Exchange admin center, with the role Organization Management: Test-ServicePrincipalAuthorization", "%v", r.Err)
	}
	var lacks []string
	for _, role := range subjects(tenant, provision.AppRole) {
		if !slices.ContainsFunc(r.Rows, func(row Row) bool {
			in, _ := row.flag("InScope")
			return in && strings.EqualFold(row.text("RoleName"), role)
		}) {
			lacks = append(lacks, role)
		}
	}
	if len(lacks) > 0 {
		return finding("reach", m, provision.Bad, "postroom plan, then postroom apply; a role takes up to two hours to act", "the app does not reach it with the role %s", strings.Join(lacks, ", "))
	}
	return finding("reach", m, provision.Good, "", "the app's roles reach it")
}

func examineControl(m inbox.MailboxID, r Result) provision.Finding {
	if r.Err != nil {
		return finding("control", m, provision.Skipped, "name a mailbox that exists as control in the manifest", "%v", r.Err)
	}
	for _, row := range r.Rows {
		if in, _ := row.flag("InScope"); in {
			return finding("control", m, provision.Bad, "postroom plan shows which assignment is too wide; Get-ManagementRoleAssignment -RoleAssignee <object id> lists them all",
				"the app reaches a mailbox that is not declared, by the role %s in the scope %q", row.text("RoleName"), row.text("AllowedResourceScope"))
		}
	}
	return finding("control", m, provision.Good, "", "the app's roles do not reach it")
}
