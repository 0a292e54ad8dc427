package msgraph

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
)

// look asks of every declared mailbox the id of its inbox and what it is meant for, and of the control the id of its
// inbox, twenty requests a round trip. After a round that fails no other is made.
func (x *examining) look() (s skew) {
	var looks []*look
	var requests []*abstractions.RequestInformation
	add := func(l *look, address string, build func(address string) (*abstractions.RequestInformation, error)) {
		var request *abstractions.RequestInformation
		if l.address, l.err = pathAddress(address); l.err == nil {
			request, l.err = build(l.address)
		}
		if l.err == nil {
			looks, requests = append(looks, l), append(requests, request)
		}
	}
	for i := range x.mailboxes {
		m := &x.mailboxes[i]
		add(&m.inbox, string(m.id), x.inboxRequest)
		add(&m.purpose, string(m.id), x.purposeRequest)
	}
	if x.Control != "" {
		x.control = &look{}
		add(x.control, string(x.Control), x.inboxRequest)
	}
	for at := 0; at < len(looks); at += batchSize {
		end := min(at+batchSize, len(looks))
		names := make([]string, 0, batchSize)
		for _, l := range looks[at:end] {
			names = append(names, l.address)
		}
		before := x.Client.now()
		answers, err := x.Client.round(x.ctx, names, requests[at:end])
		if err != nil {
			for _, l := range looks[at:] {
				l.err = err
			}
			break
		}
		for i := range answers {
			if looks[at+i].answer = answers[i]; answers[i].status == 0 {
				looks[at+i].err = errNoAnswer
			}
		}
		if !s.known {
			s = skewOf(answers[0].date, before, x.Client.now())
		}
	}
	return s
}

func (x *examining) inboxRequest(address string) (*abstractions.RequestInformation, error) {
	return x.Client.users(address).MailFolders().ByMailFolderId("inbox").ToGetRequestInformation(x.ctx,
		&users.ItemMailFoldersMailFolderItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailFoldersMailFolderItemRequestBuilderGetQueryParameters{Select: []string{"id"}},
		})
}

func (x *examining) purposeRequest(address string) (*abstractions.RequestInformation, error) {
	return x.Client.users(address).MailboxSettings().ToGetRequestInformation(x.ctx,
		&users.ItemMailboxSettingsRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.ItemMailboxSettingsRequestBuilderGetQueryParameters{Select: []string{"userPurpose"}},
		})
}

func (l *look) reached() bool { return l.err == nil && l.answer.refusal() == nil }

// failure is what came in place of an answer about the mailbox: of the round, or a refusal that is not about the
// mailbox. nil where the mailbox was looked at.
func (l *look) failure() error {
	if l.err != nil {
		return l.err
	}
	refusal := l.answer.refusal()
	if refusal == nil || refusal.noMailbox() || refusal.gone() || refusal.status == http.StatusForbidden && !refusal.noRole() {
		return nil
	}
	return refusal
}

// reach says of every declared mailbox whether the app is let to it, and whether it is a shared one. What one round
// failed with is said once.
func (x *examining) reach() {
	if len(x.mailboxes) == 0 {
		x.say(CheckReach, "", provision.Skipped, "the manifest has no mailbox at Microsoft 365", "")
	}
	var said []string
	for i := range x.mailboxes {
		m := &x.mailboxes[i]
		if err := m.inbox.failure(); err != nil {
			if slices.Contains(said, err.Error()) {
				continue
			}
			said = append(said, err.Error())
			x.failed(CheckReach, x.about(m, err), err)
			continue
		}
		switch refusal := m.inbox.answer.refusal(); {
		case refusal == nil:
			x.say(CheckReach, m.id, provision.Good, "the app reaches it", "")
			x.purpose(m)
		case refusal.status == http.StatusForbidden && !refusal.noMailbox():
			x.say(CheckReach, m.id, provision.Bad, "the app is refused: "+refusal.Error(), x.fixReach(m.id))
		default:
			x.say(CheckReach, m.id, provision.Bad, "Graph shows no such mailbox: "+refusal.Error(),
				"apply makes it; a new one shows within minutes, now and then hours. One that exists has another main address than the manifest says")
		}
	}
}

// about is the mailbox that a failure concerns; none where the whole round failed.
func (x *examining) about(m *looked, err error) inbox.MailboxID {
	if m.inbox.err != nil && m.inbox.err == err && m.inbox.err != errNoAnswer && m.inbox.address != "" {
		return ""
	}
	return m.id
}

func (x *examining) fixReach(id inbox.MailboxID) string {
	if !x.scoped() {
		return fmt.Sprintf(fixPermission, mailReadWrite, id)
	}
	_, wished := x.principal()
	object := cmp.Or(x.object, wished, "OBJECT-ID")
	return fmt.Sprintf("apply puts it into the app's scope, which acts after 30 minutes, or two hours for an app in use. If it has been longer: "+
		"Test-ServicePrincipalAuthorization -Identity %s -Resource %s", object, id)
}

// purpose says whether the mailbox is a shared one.
func (x *examining) purpose(m *looked) {
	const check = CheckPurpose
	if err := m.purpose.failure(); err != nil {
		x.failed(check, m.id, err)
		return
	}
	if refusal := m.purpose.answer.refusal(); refusal != nil {
		x.say(check, m.id, provision.Bad, "its settings cannot be read, so its categories cannot be made: "+refusal.Error(),
			fmt.Sprintf(fixPermission, mailboxSettings, m.id))
		return
	}
	switch purpose := m.purpose.answer.body.UserPurpose; {
	case purpose == "":
		x.say(check, m.id, provision.Skipped, "Graph does not tell what it is", "")
	case m.shared && purpose != "shared":
		x.say(check, m.id, provision.Warning, "it is no shared mailbox but one of the kind "+purpose,
			"Set-Mailbox "+string(m.id)+" -Type Shared, and take its licence away if it has one")
	default:
		x.say(check, m.id, provision.Good, "it is a "+purpose+" mailbox", "")
	}
}

// controlled says whether the app is refused where it has no business.
func (x *examining) controlled() {
	const check = CheckControl
	id := inbox.MailboxID(x.Control)
	if x.control == nil {
		x.say(check, "", provision.Skipped, "no mailbox is named that has to refuse the app",
			"name a mailbox that Postroom does not work as m365.control in the manifest")
		return
	}
	for i := range x.mailboxes {
		if x.mailboxes[i].inbox.address == x.control.address {
			x.say(check, id, provision.Warning, "the manifest declares the control itself", "name another mailbox as m365.control")
			return
		}
	}
	if err := x.control.failure(); err != nil {
		x.failed(check, id, err)
		return
	}
	refusal := x.control.answer.refusal()
	switch {
	case refusal == nil && x.scoped():
		x.say(check, id, provision.Bad, "the app reaches it, though the manifest does not declare it",
			"check that no permission of mail is consented to ("+CheckConsent+"), that the mailbox does not carry the scope's mark, and that the app "+
				"has no other Exchange role: Get-ManagementRoleAssignment -RoleAssigneeType ServicePrincipal. A change takes up to two hours")
	case refusal == nil:
		x.say(check, id, provision.Bad, "the app reaches it, though the manifest does not declare it", "declare m365.app in the manifest and apply, and "+fixConsent)
	case refusal.noMailbox() || refusal.gone():
		x.say(check, id, provision.Warning, "there is no such mailbox, so it cannot show that the app is refused: "+refusal.Error(),
			"name one that exists as m365.control")
	case len(x.mailboxes) > 0 && !slices.ContainsFunc(x.mailboxes, func(m looked) bool { return m.inbox.reached() }):
		x.say(check, id, provision.Skipped, "it refuses the app, as every mailbox does now, which proves nothing", "")
	default:
		x.say(check, id, provision.Good, "it refuses the app", "")
	}
}
