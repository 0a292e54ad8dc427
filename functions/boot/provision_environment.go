package boot

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/providers/msgraph"
)

// Administration is what plan, apply, import and doctor read from environment variables: how the tenants are worked, and
// the identities that administer them, which are others. docs/provisioning.md has the same table.
type Administration struct {
	Environment

	ExchangeClient              string // POSTROOM_EXCHANGE_CLIENT: application (client) id of the app that administers Exchange Online
	ExchangeSecret              Secret // POSTROOM_EXCHANGE_SECRET: its client secret; or
	ExchangeCertificate         string // POSTROOM_EXCHANGE_CERTIFICATE: file with certificate and key, PEM or PKCS#12
	ExchangeCertificatePassword Secret // POSTROOM_EXCHANGE_CERTIFICATE_PASSWORD

	WorkspaceKey   string          // POSTROOM_WORKSPACE_KEY: file of the key of the service account that administers Google Workspace
	WorkspaceAdmin inbox.MailboxID // POSTROOM_WORKSPACE_ADMIN: the administrator it acts as

	// When what nobody can read an end from ends, 2006-01-02.
	GraphSecretEnds    time.Time // POSTROOM_GRAPH_SECRET_EXPIRES
	ExchangeSecretEnds time.Time // POSTROOM_EXCHANGE_SECRET_EXPIRES
	GoogleKeyEnds      time.Time // POSTROOM_GOOGLE_KEY_EXPIRES
	WorkspaceKeyEnds   time.Time // POSTROOM_WORKSPACE_KEY_EXPIRES

	// A deployment on AWS that doctor is to look at.
	Table string // POSTROOM_TABLE: the DynamoDB table
	Queue string // POSTROOM_QUEUE: URL of the SQS queue of hints
	Stack string // POSTROOM_STACK: the stack's name, with which those of its alarms begin
}

// LoadAdministration reads the variables through lookup, which is os.Getenv outside of tests. It checks what can be checked
// without asking anybody.
func LoadAdministration(lookup func(string) string) (Administration, error) {
	get := func(name string) string { return strings.TrimSpace(lookup("POSTROOM_" + name)) }
	e, err := LoadEnvironment(lookup)
	a := Administration{
		Environment: e, ExchangeClient: get("EXCHANGE_CLIENT"), ExchangeSecret: Secret(get("EXCHANGE_SECRET")),
		ExchangeCertificate: get("EXCHANGE_CERTIFICATE"), ExchangeCertificatePassword: Secret(get("EXCHANGE_CERTIFICATE_PASSWORD")),
		WorkspaceKey: get("WORKSPACE_KEY"), WorkspaceAdmin: inbox.MailboxID(strings.ToLower(get("WORKSPACE_ADMIN"))),
		Table: get("TABLE"), Queue: get("QUEUE"), Stack: get("STACK"),
	}
	if err != nil {
		return a, err
	}
	if a.WorkspaceAdmin != "" && !mailAddress(string(a.WorkspaceAdmin)) {
		return a, fmt.Errorf("POSTROOM_WORKSPACE_ADMIN %q: write the administrator's e-mail address", a.WorkspaceAdmin)
	}
	for _, day := range []struct {
		name string
		at   *time.Time
	}{
		{"GRAPH_SECRET_EXPIRES", &a.GraphSecretEnds}, {"EXCHANGE_SECRET_EXPIRES", &a.ExchangeSecretEnds},
		{"GOOGLE_KEY_EXPIRES", &a.GoogleKeyEnds}, {"WORKSPACE_KEY_EXPIRES", &a.WorkspaceKeyEnds},
	} {
		text := get(day.name)
		if text == "" {
			continue
		}
		if *day.at, err = time.Parse(time.DateOnly, text); err != nil {
			return a, fmt.Errorf("POSTROOM_%s %q: write a day such as 2027-01-31", day.name, text)
		}
	}
	return a, nil
}

// Endings are the credentials of this environment that end, for [LapseCheck]. Certificates are read from their files.
func (a Administration) Endings(m *manifest.Manifest) ([]Ending, error) {
	graph, google := vendors(m)
	var out []Ending
	var failed error
	app := func(what, variable, file string, password, secret Secret, ends time.Time) {
		fix := "add a new one to the app registration, and set POSTROOM_" + variable
		switch {
		case file != "":
			data, err := readKey("POSTROOM_"+variable+"_CERTIFICATE", file)
			if err == nil {
				ends, err = msgraph.CertificateEnd(data, string(password))
			}
			if err != nil {
				failed = cmp.Or(failed, fmt.Errorf("POSTROOM_%s_CERTIFICATE: %w", variable, err))
				return
			}
			out = append(out, Ending{Lapse{"the certificate of " + what, ends}, fix + "_CERTIFICATE to its file"})
		case secret != "":
			if ends.IsZero() {
				fix = fmt.Sprintf("set POSTROOM_%s_SECRET_EXPIRES to the day that the app registration shows, such as 2027-01-31", variable)
			} else {
				fix += "_SECRET to it"
			}
			out = append(out, Ending{Lapse{"the client secret of " + what, ends}, fix})
		}
	}
	if graph {
		app("the app that works the mail", "GRAPH", a.GraphCertificate, a.GraphCertificatePassword, a.GraphSecret, a.GraphSecretEnds)
		app("the app that administers Exchange", "EXCHANGE", a.ExchangeCertificate, a.ExchangeCertificatePassword, a.ExchangeSecret, a.ExchangeSecretEnds)
	}
	if len(google) > 0 { // keys end only where somebody has said so
		for _, k := range []struct {
			what, variable, file string
			ends                 time.Time
		}{{"works the mail", "GOOGLE", a.GoogleKey, a.GoogleKeyEnds}, {"administers Google Workspace", "WORKSPACE", a.WorkspaceKey, a.WorkspaceKeyEnds}} {
			if k.file != "" && !k.ends.IsZero() {
				out = append(out, Ending{Lapse{"the key of the service account that " + k.what, k.ends},
					fmt.Sprintf("make a new key, and set POSTROOM_%s_KEY to its file", k.variable)})
			}
		}
	}
	return out, failed
}

// errNoExchange says what to do without an identity for Exchange.
var errNoExchange = errors.New("the manifest has mailboxes at Microsoft 365: set POSTROOM_EXCHANGE_CLIENT and POSTROOM_EXCHANGE_CERTIFICATE to the app that " +
	"administers Exchange Online (docs/provisioning.md); or, with --exchange script, let Postroom write PowerShell that an administrator runs")

// exchangeCredential is the app that administers Exchange.
func (a Administration) exchangeApp() (msgraph.App, error) {
	if a.ExchangeClient == "" {
		return msgraph.App{}, errNoExchange
	}
	if a.GraphTenant == "" {
		return msgraph.App{}, errors.New("set POSTROOM_GRAPH_TENANT to the id of the tenant")
	}
	cloud, err := msgraph.CloudNamed(a.GraphCloud)
	if err != nil {
		return msgraph.App{}, fmt.Errorf("POSTROOM_GRAPH_CLOUD: %w", err)
	}
	return msgraph.App{Tenant: a.GraphTenant, ClientID: a.ExchangeClient, Cloud: cloud}, nil
}

// By is who applies, as far as this machine knows: a name of a login, and the machine's.
func By(lookup func(string) string) string {
	who := cmp.Or(lookup("POSTROOM_BY"), lookup("USER"), lookup("USERNAME"), "somebody")
	if host, err := os.Hostname(); err == nil && lookup("POSTROOM_BY") == "" {
		who += "@" + host
	}
	return who
}
