package exchange_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; go test -update writes it anew, then look at the difference\n%s", file, got)
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	want := ideal(support)
	want.Facts[fact(provision.Name, "")] = `Contoso 'Support' – “we” ‘help’ $(Get-Date) ` + "`n\r\nRemove-Mailbox"
	list := slices.Concat(steps(idealTenant(), box("", nil)), steps(want, box(support, nil)), []provision.Step{
		{Mailbox: "old@contoso.com", Provider: inbox.M365, Verb: provision.Remove, Fact: fact(provision.Open, "S-1-5-21-1-2-3-1001")},
		{Mailbox: "old@contoso.com", Provider: inbox.M365, Verb: provision.Delete, Fact: fact(provision.Existence, "")},
	})
	tn.read(t, idealTenant()) // from where it is known which app it is
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com"}))
	script := &exchange.Script{Reads: tn.endpoint}
	by := tn.admin.Through(script)
	for _, s := range list {
		s.What = fmt.Sprintf("%s %s %s", s.Verb, s.Fact.Aspect, s.Fact.Subject)
		must(t, by.Do(t.Context(), s))
	}
	var b bytes.Buffer
	must(t, script.Print(&b, "postroom.yaml\n# evil", noon, by.Questions([]provision.Mailbox{idealTenant(), want}, nil)))
	golden(t, "apply.ps1", b.Bytes())
	if !bytes.HasPrefix(b.Bytes(), []byte("\xef\xbb\xbf")) {
		t.Error("the script has no byte order mark, so Windows PowerShell misreads its quotes")
	}
	b.Reset()
	must(t, (&exchange.Script{}).Print(&b, "postroom.yaml", noon, by.Questions([]provision.Mailbox{want}, nil)))
	golden(t, "read.ps1", b.Bytes())
}

// words reads a line of PowerShell as far as quoting goes: single-quoted strings as PowerShell's tokenizer reads them, and the
// rest as it stands. ok is false where a string does not end.
func words(line string) (bare string, quoted []string, ok bool) {
	single := func(r rune) bool { return strings.ContainsRune("'‘’‚‛", r) }
	runes := []rune(line)
	for i := 0; i < len(runes); i++ {
		if !single(runes[i]) {
			bare += string(runes[i])
			continue
		}
		var s []rune
		closed := false
		for i++; i < len(runes); i++ {
			if single(runes[i]) {
				if i+1 < len(runes) && single(runes[i+1]) {
					i++
				} else {
					closed = true
					break
				}
			}
			s = append(s, runes[i])
		}
		if !closed {
			return bare, quoted, false
		}
		quoted = append(quoted, string(s))
		bare += "''"
	}
	return bare, quoted, true
}

// TestQuotingOfHostileText: whatever the text, it stays one string, and is the text.
func TestQuotingOfHostileText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("'‘’‚‛\"“”„`$(){};|&@#\n\r\t\x00\u2028 a")))).Draw(rt, "text")
		c := exchange.Command{Name: "Set-Mailbox", Parameters: map[string]any{"Identity": "s@contoso.com", "DisplayName": text, "EmailAddresses": exchange.Change{Add: []string{text}}}}
		bare, quoted, ok := words(c.String())
		if !ok || bare != "Set-Mailbox -Identity '' -DisplayName '' -EmailAddresses @{ Add = @('') }" {
			rt.Fatalf("the text breaks out: %s", c)
		}
		clean := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
				return -1
			}
			return r
		}, strings.ToValidUTF8(text, "�"))
		if quoted[1] != clean || quoted[2] != clean {
			rt.Fatalf("%q became %q and %q", clean, quoted[1], quoted[2])
		}
	})
}

// scriptRun asks the questions as the script does, and writes the answers as PowerShell does.
func scriptRun(t testing.TB, tn *tenant, questions []exchange.Command) []byte {
	t.Helper()
	type answer struct {
		Cmdlet     string            `json:"cmdlet"`
		Parameters map[string]string `json:"parameters"`
		Rows       any               `json:"rows"`
		Error      string            `json:"error"`
	}
	var answers []answer
	people := map[string]bool{}
	ask := func(c exchange.Command) {
		got, err := tn.endpoint.Run(t.Context(), c)
		must(t, err)
		a := answer{Cmdlet: c.Name, Parameters: map[string]string{}}
		for n, v := range c.Parameters {
			a.Parameters[n] = fmt.Sprint(v)
			if v == true {
				a.Parameters[n] = "True"
			}
		}
		if got[0].Err != nil {
			f := got[0].Err.(*exchange.Failure)
			a.Error = "Ex6F9304|" + f.Type + "|" + f.Message
		}
		for _, row := range got[0].Rows {
			for _, name := range []string{"User", "Trustee", "GrantSendOnBehalfTo"} {
				switch v := row[name].(type) {
				case string:
					people[v] = true
				case []any:
					for _, x := range v {
						people[x.(string)] = true
					}
				}
			}
		}
		// A list of one is at times written as its one element.
		if a.Rows = got[0].Rows; len(got[0].Rows) == 1 {
			a.Rows = got[0].Rows[0]
		}
		answers = append(answers, a)
	}
	for _, q := range questions {
		ask(q)
	}
	for who := range people {
		if !strings.HasPrefix(who, `NT AUTHORITY\`) && !strings.HasPrefix(who, "S-1-") {
			ask(exchange.Command{Name: "Get-Recipient", Parameters: map[string]any{"Identity": who}})
		}
	}
	b, err := json.Marshal(map[string]any{"format": 1, "made": noon.Format(time.RFC3339Nano), "answers": answers})
	must(t, err)
	return append([]byte("\xef\xbb\xbf"), b...)
}

// TestPlanningWithoutAccess: what a script has read gives the same facts as reading.
func TestPlanningWithoutAccess(t *testing.T) {
	t.Parallel()
	tn := newTenant(t)
	must(t, tn.AddMailbox(exchangesim.Recipient{Address: "old@contoso.com"}))
	must(t, tn.Run("Set-Mailbox", map[string]any{"Identity": "old@contoso.com", "CustomAttribute15": "Postroom"}))
	tn.apply(t, idealTenant(), ideal(support))
	want := []provision.Mailbox{idealTenant(), ideal(support), ideal("new@contoso.com")}
	answers, err := exchange.ReadAnswers(bytes.NewReader(scriptRun(t, tn, tn.admin.Questions(want, nil))))
	must(t, err)
	if !answers.Made.Equal(noon) {
		t.Errorf("made at %v", answers.Made)
	}
	offline := mustAdmin(t, answers)
	got, err := offline.Read(t.Context(), want, nil)
	must(t, err)
	for i, have := range tn.read(t, want...) {
		if fmt.Sprint(got[i].Facts) != fmt.Sprint(have.Facts) || fmt.Sprint(got[i].Unread) != fmt.Sprint(have.Unread) {
			t.Errorf("%s:\nby answers %v %v\nread       %v %v", have.Address, got[i].Facts, got[i].Unread, have.Facts, have.Unread)
		}
	}
	// The next script is written by these answers: they say that nothing has the address, and what the old mailbox is.
	script := &exchange.Script{Reads: answers}
	by := offline.Through(script)
	for _, s := range steps(ideal("new@contoso.com"), got[2]) {
		must(t, by.Do(t.Context(), s))
	}
	must(t, by.Do(t.Context(), provision.Step{Provider: inbox.M365, Verb: provision.Remove, Fact: fact(provision.AppRole, "Application Mail.ReadWrite")}))
	var b bytes.Buffer
	must(t, script.Print(&b, "postroom.yaml", noon, nil))
	for _, part := range []string{"New-Mailbox -Alias 'new'", "Remove-ManagementRoleAssignment -Identity 'Application Mail.ReadWrite-" + appOID + "'"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("the script does not %s", part)
		}
	}
	var refused *provision.Refused
	if err := offline.Do(t.Context(), steps(ideal("new@contoso.com"), got[2])[1]); !asRefused(err, &refused) {
		t.Errorf("answers let a change through: %v", err)
	}
	// A mailbox that the script did not ask about is not read, rather than missing.
	other, err := offline.Read(t.Context(), []provision.Mailbox{ideal("other@contoso.com")}, nil)
	must(t, err)
	if why := other[0].Unread[provision.Existence]; !strings.Contains(why, "make it anew") {
		t.Errorf("unread says %q", why)
	}
}

func FuzzReadAnswers(f *testing.F) {
	f.Add([]byte(`{"format":1,"answers":[{"cmdlet":"Get-Mailbox","parameters":{"Identity":"support@contoso.com"},"rows":{"PrimarySmtpAddress":"support@contoso.com","EmailAddresses":["smtp:a@b"],"GrantSendOnBehalfTo":"x"},"error":null}]}`))
	f.Add([]byte(`{"format":1,"answers":[{"cmdlet":"Get-MailboxPermission","parameters":{"Identity":"support@contoso.com"},"rows":[{"User":{"Value":"x"},"AccessRights":"{FullAccess, ReadPermission}"},null]}]}`))
	f.Add([]byte(`{"format":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		answers, err := exchange.ReadAnswers(bytes.NewReader(b))
		if err != nil {
			return
		}
		a, err := exchange.New(answers, "")
		must(t, err)
		want := []provision.Mailbox{idealTenant(), ideal(support)}
		have, err := a.Read(t.Context(), want, nil)
		if err != nil {
			t.Fatalf("answers can be read, but not planned by: %v", err)
		}
		if len(have) < 2 || have[1].Address != support {
			t.Fatalf("asked about two, told of %v", have)
		}
	})
}

// TestAScriptIsSureOfWhatIsThere: a Get cmdlet answers for an alias with the mailbox that has it, and for nobody with everybody,
// and neither is what the script is to make.
func TestAScriptIsSureOfWhatIsThere(t *testing.T) {
	t.Parallel()
	script := &exchange.Script{}
	by := mustAdmin(t, nil).Through(script)
	must(t, by.Do(t.Context(), provision.Step{Mailbox: "o'hara@contoso.com", Provider: inbox.M365, Verb: provision.Create, Fact: fact(provision.Existence, ""), After: "shared"}))
	must(t, by.Do(t.Context(), provision.Step{Provider: inbox.M365, Verb: provision.Add, Fact: fact(provision.AppScope, "Postroom"), After: "CustomAttribute15 -eq 'Postroom'"}))
	var b strings.Builder
	must(t, script.Print(&b, "postroom.yaml", noon, nil))
	for _, look := range []string{
		`-Unless { Get-Mailbox -Identity 'o''hara@contoso.com' -RecipientTypeDetails 'SharedMailbox' -ErrorAction Stop | Where-Object { "$($_.PrimarySmtpAddress)" -eq 'o''hara@contoso.com' } }`,
		`-Unless { Get-ManagementScope -Identity 'Postroom' -ErrorAction Stop | Where-Object { "$($_.Name)" -eq 'Postroom' } }`,
	} {
		if !strings.Contains(b.String(), look) {
			t.Errorf("the script does not look by %s", look)
		}
	}
}

// TestAScriptLooksAtEachMailbox: whatever has happened since it was written, somebody's own mailbox is left alone; only the app's
// mark comes off it.
func TestAScriptLooksAtEachMailbox(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		verb provision.Verb
		fact provision.Fact
		any  bool
	}{
		{provision.Remove, fact(provision.Reach, ""), true},
		{provision.Add, fact(provision.Reach, ""), false},
		{provision.Set, fact(provision.SignIn, ""), false},
		{provision.Remove, fact(provision.SendAs, "anna@contoso.com"), false},
	} {
		script := &exchange.Script{}
		must(t, mustAdmin(t, nil).Through(script).Do(t.Context(), provision.Step{Mailbox: support, Provider: inbox.M365, Verb: tt.verb, Fact: tt.fact, After: "blocked"}))
		var b strings.Builder
		must(t, script.Print(&b, "postroom.yaml", noon, nil))
		_, call, _ := strings.Cut(b.String(), "\nStep -Mailbox 'support@contoso.com' ")
		line, _, _ := strings.Cut(call, "\n")
		if line == "" || strings.Contains(line, " -AnyKind ") != tt.any || !strings.Contains(b.String(), "if (-not $AnyKind) { Look $Mailbox }") {
			t.Errorf("%s %s: %s", tt.verb, tt.fact.Aspect, line)
		}
	}
}
