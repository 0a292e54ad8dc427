package msgraph

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/postroom/postroom/core/provision"
)

// claims are what an access token of our own says of the app. They are read to explain, never to decide what anybody
// may do, so their signature is not looked at. Microsoft promises no form of Graph's tokens; one that cannot be read is
// no fault.
type claims struct {
	App    string   `json:"appid"`
	Object string   `json:"oid"` // of the app's service principal in the tenant
	Tenant string   `json:"tid"`
	Roles  []string `json:"roles"` // permissions consented to for the whole tenant
}

// readClaims reads a token's payload; false when it has none.
func readClaims(token string) (*claims, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return nil, false
	}
	var c claims
	if json.Unmarshal(payload, &c) != nil {
		return nil, false
	}
	return &c, true
}

// token asks for a token, and whether it is of the app that the manifest names. It is not ok when there is none.
func (x *examining) token() (*claims, bool) {
	c := x.Client
	if c.credential == nil {
		x.say(CheckToken, "", provision.Skipped, "no credential is set, as for a simulator", "")
		return nil, true
	}
	token, err := c.credential.GetToken(x.ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}})
	if err != nil {
		says, fix := closed(err)
		if fix == "" {
			says, fix = "no token: "+err.Error(), "check that this machine reaches Entra, and run doctor again"
		}
		x.say(CheckToken, "", provision.Bad, says, fix)
		return nil, false
	}
	got, ok := readClaims(token.Token)
	if !ok {
		x.say(CheckToken, "", provision.Good, "Entra issues a token", "")
		return nil, true
	}
	app, object := x.principal()
	x.object = got.Object
	switch {
	case app != "" && got.App != "" && !strings.EqualFold(app, got.App):
		x.say(CheckToken, "", provision.Bad, fmt.Sprintf("the token is of the app %s, and the manifest scopes the app %s", got.App, app),
			"let m365.app in the manifest be the application (client) id that Postroom runs with")
	case object != "" && got.Object != "" && !strings.EqualFold(object, got.Object):
		x.say(CheckToken, "", provision.Bad, fmt.Sprintf("m365.principal is %s, and the app's object in this tenant is %s", object, got.Object),
			"set m365.principal to "+got.Object+", the object id under Enterprise applications; the one under App registrations is another")
	default:
		x.say(CheckToken, "", provision.Good, strings.TrimSpace("Entra issues a token to the app "+got.App), "")
	}
	return got, true
}

// principal are the ids of the app and of its object in the tenant, as the manifest has them.
func (x *examining) principal() (app, object string) {
	if x.tenant == nil {
		return "", ""
	}
	for f, value := range x.tenant.Facts {
		if f.Aspect == provision.AppPrincipal {
			return f.Subject, value
		}
	}
	return "", ""
}

const fixConsent = "take the consent back: Entra admin center > Enterprise applications > the app > Permissions, and remove the " +
	"permission under App registrations > API permissions; a token that was issued before lasts up to 90 minutes"

// consent judges the permissions in the token. With Exchange roles alone there are none of mail in it; those that are
// there hold for every mailbox of the tenant, whatever the scope ("Role Based Access Control for Applications in
// Exchange Online", both kinds of grant add up).
func (x *examining) consent(c *claims) {
	if c == nil {
		x.say(CheckConsent, "", provision.Skipped, "the token does not show what it permits", "")
		return
	}
	var mail, settings, others []string
	for _, role := range slices.Sorted(slices.Values(c.Roles)) {
		switch {
		case strings.HasPrefix(role, "MailboxSettings."):
			settings = append(settings, role)
		case strings.HasPrefix(role, "Mail"): // Mail.Read, Mail-Advanced.ReadWrite.All, MailboxItem.Read.All …
			mail = append(mail, role)
		}
		if strings.HasPrefix(role, "Mail") && role != string(mailReadWrite) && role != string(mailboxSettings) {
			others = append(others, role)
		}
	}
	switch {
	case x.scoped() && len(mail) > 0:
		x.say(CheckConsent, "", provision.Bad, "the scope restricts nothing: "+strings.Join(append(mail, settings...), ", ")+
			" is consented to for every mailbox of the tenant", fixConsent)
	case x.scoped() && len(settings) > 0:
		x.say(CheckConsent, "", provision.Warning, strings.Join(settings, ", ")+" is consented to, so the app may change the settings of "+
			"every mailbox of the tenant", fixConsent)
	case x.scoped():
		x.say(CheckConsent, "", provision.Good, "scoped by RBAC for Applications: the token itself permits nothing of mail", "")
	case len(mail)+len(settings) == 0:
		x.byRolesAlone()
	default:
		x.tenantWide(mail, settings, others)
	}
}

// byRolesAlone: the token permits nothing of mail, and the manifest scopes nothing.
func (x *examining) byRolesAlone() {
	for i := range x.mailboxes {
		if x.mailboxes[i].inbox.reached() {
			x.say(CheckConsent, "", provision.Good, "scoped by RBAC for Applications, apart from the manifest: the token itself permits nothing of mail", "")
			return
		}
	}
	x.say(CheckConsent, "", provision.Bad, "the app may do nothing with mail: no permission is consented to, and the manifest gives it no Exchange role",
		"declare m365.app in the manifest and apply, or have an administrator consent to the application permissions "+
			string(mailReadWrite)+" and "+string(mailboxSettings))
}

// tenantWide: the app works by consent.
func (x *examining) tenantWide(mail, settings, others []string) {
	grant := func(p permission) string {
		return "have an administrator consent to the application permission " + string(p) + ", or declare m365.app in the manifest and apply"
	}
	if !slices.Contains(mail, string(mailReadWrite)) {
		x.say(CheckConsent, "", provision.Bad, string(mailReadWrite)+" is not consented to: mail cannot be marked", grant(mailReadWrite))
	}
	if !slices.Contains(settings, string(mailboxSettings)) {
		x.say(CheckConsent, "", provision.Bad, string(mailboxSettings)+" is not consented to: categories cannot be made, and no sync of a mailbox begins",
			grant(mailboxSettings))
	}
	if len(others) > 0 {
		x.say(CheckConsent, "", provision.Warning, strings.Join(others, ", ")+" is consented to, and Postroom has no use for it", fixConsent)
	}
	if len(mail) > 0 {
		x.say(CheckConsent, "", provision.Warning, "the app reaches every mailbox of the tenant by "+strings.Join(mail, ", "),
			"declare m365.app in the manifest, apply, and when the app reaches its mailboxes "+fixConsent)
	}
}
