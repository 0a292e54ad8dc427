package boot_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/providers/exchange"
)

func administration(t *testing.T, set map[string]string) boot.Administration {
	t.Helper()
	a, err := boot.LoadAdministration(func(name string) string { return set[strings.TrimPrefix(name, "POSTROOM_")] })
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestAdministrationIsToldWhatIsMissing: every way to have no identity names the variable that is missing, and no secret.
func TestAdministrationIsToldWhatIsMissing(t *testing.T) {
	t.Parallel()
	const tenant, app = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	m365 := []provision.Mailbox{{Address: "support@contoso.com", Provider: inbox.M365}}
	google := []provision.Mailbox{{Address: "hello@contoso.com", Provider: inbox.Gmail}}
	key := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(key, []byte(`{"type": "service_account", "private_key": "hush"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	works := map[string]string{"GRAPH_TENANT": tenant, "GRAPH_CLIENT": app, "GRAPH_SECRET": "hush", "EXCHANGE_CLIENT": app, "EXCHANGE_SECRET": "hush"}
	for name, test := range map[string]struct {
		want []provision.Mailbox
		set  map[string]string
		says string
	}{
		"nothing wished":     {nil, nil, ""},
		"all there":          {m365, works, ""},
		"nothing at M365":    {m365, nil, "--exchange script"},
		"no tenant":          {m365, map[string]string{"EXCHANGE_CLIENT": app, "EXCHANGE_SECRET": "hush"}, "POSTROOM_GRAPH_TENANT"},
		"no secret":          {m365, map[string]string{"GRAPH_TENANT": tenant, "EXCHANGE_CLIENT": app}, "POSTROOM_EXCHANGE_CERTIFICATE"},
		"secret and file":    {m365, map[string]string{"GRAPH_TENANT": tenant, "EXCHANGE_CLIENT": app, "EXCHANGE_SECRET": "hush", "EXCHANGE_CERTIFICATE": "x.pem"}, "not both"},
		"no such file":       {m365, map[string]string{"GRAPH_TENANT": tenant, "EXCHANGE_CLIENT": app, "EXCHANGE_CERTIFICATE": "missing.pem"}, "POSTROOM_EXCHANGE_CERTIFICATE: read"},
		"key as a variable":  {m365, map[string]string{"GRAPH_TENANT": tenant, "EXCHANGE_CLIENT": app, "EXCHANGE_CERTIFICATE": "-----BEGIN hush"}, "holds the key itself"},
		"no app for mail":    {m365, map[string]string{"GRAPH_TENANT": tenant, "EXCHANGE_CLIENT": app, "EXCHANGE_SECRET": "hush"}, "POSTROOM_GRAPH_CLIENT"},
		"unknown cloud":      {m365, map[string]string{"GRAPH_TENANT": tenant, "GRAPH_CLOUD": "mars", "EXCHANGE_CLIENT": app, "EXCHANGE_SECRET": "hush"}, "POSTROOM_GRAPH_CLOUD"},
		"nothing at Google":  {google, nil, "POSTROOM_WORKSPACE_KEY"},
		"no administrator":   {google, map[string]string{"WORKSPACE_KEY": key}, "POSTROOM_WORKSPACE_ADMIN"},
		"no key in the file": {google, map[string]string{"WORKSPACE_KEY": key, "WORKSPACE_ADMIN": "admin@contoso.com"}, "POSTROOM_WORKSPACE_KEY"},
	} {
		_, err := administration(t, test.set).Administrations(boot.AdministrationOptions{Want: test.want})
		if (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: got %v, want …%s…", name, err, test.says)
		}
	}
	if all := fmt.Sprintf("%+v", administration(t, works)); strings.Contains(all, "hush") {
		t.Errorf("the environment shows a secret: %s", all)
	}
	// Only a script needs no app for Exchange.
	set := map[string]string{"GRAPH_TENANT": tenant, "GRAPH_CLIENT": app, "GRAPH_SECRET": "hush"}
	if _, err := administration(t, set).Administrations(boot.AdministrationOptions{Want: m365, Shell: &exchange.Answers{}}); err != nil {
		t.Errorf("by script: %v", err)
	}
	for name, value := range map[string]string{"WORKSPACE_ADMIN": "nobody", "EXCHANGE_SECRET_EXPIRES": "soon", "URL": "ftp://x"} {
		_, err := boot.LoadAdministration(func(n string) string { return map[string]string{"POSTROOM_" + name: value}[n] })
		if err == nil || !strings.Contains(err.Error(), "POSTROOM_"+name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}

func TestEndingsAreThoseOfWhatTheManifestNeeds(t *testing.T) {
	t.Parallel()
	day := time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC)
	a := administration(t, map[string]string{
		"GRAPH_SECRET": "hush", "EXCHANGE_SECRET": "hush", "EXCHANGE_SECRET_EXPIRES": "2027-01-31",
		"GOOGLE_KEY": "a.json", "WORKSPACE_KEY": "b.json", "WORKSPACE_KEY_EXPIRES": "2027-01-31",
	})
	got, err := a.Endings(parse(t, twoMailboxes))
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v", got, err)
	}
	if !got[0].At.IsZero() || !strings.Contains(got[0].Fix, "POSTROOM_GRAPH_SECRET_EXPIRES") || !got[1].At.Equal(day) || !got[2].At.Equal(day) {
		t.Errorf("got %+v", got)
	}
	a.GraphSecret, a.GraphCertificate = "", "missing.pem"
	if got, err := a.Endings(parse(t, twoMailboxes)); err == nil || len(got) != 2 {
		t.Errorf("with a certificate that is not there: %+v, %v", got, err)
	}
}

// TestExchangeByScript: everything but Exchange's steps is done, those are written down, and what the next script reads is
// planned by.
func TestExchangeByScript(t *testing.T) {
	t.Parallel()
	world, o := tenants(t, nil)
	o.Want = o.Want[:1]
	delete(o.Want[0].Facts, of(provision.Reach))
	o.Shell = &exchange.Answers{}
	ways, err := world.Administrations(o)
	if err != nil {
		t.Fatal(err)
	}
	ways.Script = "apply.ps1"
	var ask bytes.Buffer
	if err := ways.WriteQuestions(&ask, "test", examined, o.Want); err != nil || !strings.Contains(ask.String(), "Get-Mailbox") || strings.Contains(ask.String(), "New-Mailbox") {
		t.Fatalf("the questions (%v):\n%s", err, &ask)
	}
	var rows []any
	for _, question := range ways.Exchange.Questions(o.Want, nil) { // there is no such mailbox
		parameters := map[string]string{}
		for name, value := range question.Parameters {
			parameters[name] = fmt.Sprint(value)
		}
		rows = append(rows, map[string]any{"cmdlet": question.Name, "parameters": parameters, "rows": nil,
			"error": "|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|The operation couldn't be performed because object 'support@contoso.com' couldn't be found on 'X'."})
	}
	missing, err := json.Marshal(map[string]any{"format": 1, "made": examined, "answers": rows})
	if err != nil {
		t.Fatal(err)
	}
	answers, err := exchange.ReadAnswers(bytes.NewReader(missing))
	if err != nil {
		t.Fatal(err)
	}
	o.Shell = answers
	if ways, err = world.Administrations(o); err != nil {
		t.Fatal(err)
	}
	ways.Script = "apply.ps1"
	estate := ways.Estate()
	plan, err := estate.Plan(t.Context(), o.Want, provision.Options{Made: examined})
	if err != nil || len(plan.Steps) == 0 {
		t.Fatalf("plan: %+v, %v", plan, err)
	}
	for _, s := range plan.Steps {
		if s.Fact.Aspect != provision.Marker && !strings.Contains(s.Manual, "apply.ps1") {
			t.Errorf("%s is no step by hand: %q", s.What, s.Manual)
		}
	}
	var script bytes.Buffer
	n, err := ways.WriteSteps(t.Context(), &script, "test", examined, plan.Steps, o.Want)
	if err != nil || n == 0 {
		t.Fatalf("%d steps, %v", n, err)
	}
	for _, part := range []string{"New-Mailbox", "Add-MailboxPermission", "Add-RecipientPermission", "anna@contoso.com", "Get-MailboxPermission"} {
		if !strings.Contains(script.String(), part) {
			t.Errorf("the script has no %s:\n%s", part, &script)
		}
	}
}
