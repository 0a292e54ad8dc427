package exchange

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// Script is a Shell that runs nothing. It writes down what it is asked to change, as a PowerShell script for an administrator,
// and takes every command for done. It is used by one goroutine.
type Script struct {
	// Reads answers what a step looks at before it changes something, as a rule the Answers of an earlier script; without it
	// nothing is ever found.
	Reads Shell

	mailbox string // under whose name the next commands go
	what    string
	anyKind bool
	steps   []scripted
}

type scripted struct {
	mailbox, what string
	anyKind       bool // the mailbox may be another than a shared one
	command       Command
}

var _ Shell = (*Script)(nil)

// Begin says what the commands that follow are for: a step of a plan.
func (s *Script) Begin(step provision.Step) {
	s.mailbox, s.what = string(step.Mailbox), step.What
	// The app's mark comes off whatever carries it.
	s.anyKind = step.Fact.Aspect == provision.Reach && step.Verb == provision.Remove
}

// Run implements Shell.
func (s *Script) Run(ctx context.Context, commands ...Command) ([]Result, error) {
	out := make([]Result, len(commands))
	for i, c := range commands {
		if !c.reads() {
			s.steps = append(s.steps, scripted{s.mailbox, s.what, s.anyKind, c})
			continue
		}
		if s.Reads == nil {
			continue
		}
		got, err := s.Reads.Run(ctx, c)
		if err != nil {
			return nil, err
		}
		out[i] = got[0]
	}
	return out, nil
}

// Print writes the script: the changes asked for so far, if any, and then the questions, whose answers it leaves in a file
// for [ReadAnswers]. It may be run again. source says in a line what it was made from.
func (s *Script) Print(w io.Writer, source string, made time.Time, questions []Command) error {
	var b strings.Builder
	// Without the byte order mark Windows PowerShell takes the file for Windows-1252, where a half of a Cyrillic letter is a
	// quote that ends a string.
	b.WriteString("\ufeff")
	fmt.Fprintf(&b, "#Requires -Modules ExchangeOnlineManagement\n# %s\n# Made by postroom on %s. It may be run again.\n\n",
		clean(source), made.UTC().Format(time.RFC3339))
	b.WriteString(scriptHead)
	if len(s.steps) > 0 {
		b.WriteString(scriptSteps)
		for _, st := range s.steps {
			what := st.what
			if what == "" {
				what = st.command.Name
			}
			fmt.Fprintf(&b, "Step -Mailbox %s -What %s -Already %s", quote(st.mailbox), quote(what), array(st.command.Already))
			if st.anyKind {
				b.WriteString(" -AnyKind")
			}
			if u := st.command.Unless; u != nil {
				fmt.Fprintf(&b, " -Unless { %s -ErrorAction Stop | Where-Object { \"$($_.%s)\" -eq %s } }", u.Of, u.Property, quote(u.Value))
			}
			c := st.command
			c.Parameters = c.invocation().Input.plainParameters(st.command.Parameters)
			fmt.Fprintf(&b, " -Do {\n    %s -ErrorAction Stop\n}\n", c)
		}
		b.WriteString("\n")
	}
	if len(questions) > 0 {
		b.WriteString(scriptAsk)
		fmt.Fprintf(&b, "$recipient = %s\n", array(recipientProperties))
		for _, q := range questions {
			fmt.Fprintf(&b, "Ask %s %s %s\n", quote(q.Name), splat(&q), array(q.Select))
		}
		b.WriteString(scriptSave)
	}
	if len(s.steps) > 0 {
		b.WriteString(scriptEnd)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plainParameters are the parameters that are sent, Confirm among them, in the form in which they were given.
func (c cmdletInput) plainParameters(given map[string]any) map[string]any {
	out := make(map[string]any, len(c.Parameters))
	for name, v := range c.Parameters {
		if g, ok := given[name]; ok {
			v = g
		}
		out[name] = v
	}
	return out
}

// Mailboxes lists those that the script changes something of, each once.
func (s *Script) Mailboxes() []string {
	var out []string
	for _, st := range s.steps {
		if !slices.Contains(out, st.mailbox) {
			out = append(out, st.mailbox)
		}
	}
	return out
}

// The parts of the script that are always the same. What a step says goes to the console, errors into $failed; a mailbox with a
// failed step gets no further ones, as with apply.
const (
	scriptHead = `Set-StrictMode -Version 3
if (-not (Get-ConnectionInformation -ErrorAction SilentlyContinue | Where-Object { $_.State -eq 'Connected' })) {
    Connect-ExchangeOnline -ShowBanner:$false -ErrorAction Stop
}
$failed = [ordered]@{}

`
	scriptSteps = `$looked = @{}
$unknown = 'ManagementObjectNotFoundException|couldn''t be found|couldn''t find object|wasn''t found'
# An address may lead to somebody's own mailbox, or to another of which it is an alias.
function Look([string] $Mailbox) {
    if (-not $Mailbox -or $looked.Contains($Mailbox)) { return }
    $looked[$Mailbox] = $true
    try { $found = @(Get-Mailbox -Identity $Mailbox -ErrorAction Stop) } catch {
        if ($_.Exception.Message -match $unknown) { return }
        $failed[$Mailbox] = $_.Exception.Message
        Write-Host "LEFT ALONE: ${Mailbox}: $($failed[$Mailbox])" -ForegroundColor Red
        return
    }
    $own = @($found | Where-Object { "$($_.PrimarySmtpAddress)" -eq $Mailbox })
    if ($own.Count -gt 0 -and "$($own[0].RecipientTypeDetails)" -ne 'SharedMailbox') {
        $failed[$Mailbox] = "it is no shared mailbox but a $($own[0].RecipientTypeDetails)"
    } elseif ($own.Count -eq 0 -and $found.Count -eq 1) {
        $failed[$Mailbox] = "it is an address of $($found[0].PrimarySmtpAddress)"
    } else { return }
    Write-Host "LEFT ALONE: ${Mailbox}: $($failed[$Mailbox])" -ForegroundColor Red
}
function Step {
    param([string] $Mailbox, [string] $What, [string[]] $Already = @(), [switch] $AnyKind, [scriptblock] $Unless, [scriptblock] $Do)
    if (-not $AnyKind) { Look $Mailbox }
    if ($failed.Contains($Mailbox)) { Write-Host "left out: $What"; return }
    if ($Unless) {
        try { if (& $Unless) { Write-Host "already so: $What"; return } } catch { }
    }
    # What was created a moment ago may not be found yet.
    foreach ($pause in 0, 5, 15, 30, 60) {
        Start-Sleep -Seconds $pause
        try { $null = & $Do; Write-Host "done: $What"; return }
        catch {
            $said = $_.Exception.Message
            foreach ($part in $Already) {
                if ($said.IndexOf($part, [StringComparison]::OrdinalIgnoreCase) -ge 0) { Write-Host "already so: $What"; return }
            }
            if ($said -notmatch $unknown) { break }
        }
    }
    $failed[$Mailbox] = $said
    Write-Host "FAILED: $What" -ForegroundColor Red
    Write-Host "        $said"
}

`
	scriptAsk = `$answers = [System.Collections.Generic.List[object]]::new()
$people = [System.Collections.Generic.SortedSet[string]]::new([StringComparer]::OrdinalIgnoreCase)
function Plain($Value) {
    if ($null -eq $Value) { return $null }
    if ($Value -is [bool]) { return $Value }
    if ($Value -is [System.Collections.IEnumerable] -and $Value -isnot [string]) { return , @($Value | ForEach-Object { "$_" }) }
    return "$Value"
}
function Ask([string] $Cmdlet, [hashtable] $Parameters, [string[]] $Select) {
    $answer = [ordered]@{ cmdlet = $Cmdlet; parameters = @{}; rows = @(); error = '' }
    foreach ($name in $Parameters.Keys) { $answer.parameters[$name] = "$($Parameters[$name])" }
    try {
        $answer.rows = @(& $Cmdlet @Parameters -ErrorAction Stop -WarningAction SilentlyContinue | ForEach-Object {
            $row = [ordered]@{}
            foreach ($property in $_.PSObject.Properties) {
                if ($Select.Count -eq 0 -or $Select -contains $property.Name) { $row[$property.Name] = Plain $property.Value }
            }
            foreach ($name in 'User', 'Trustee', 'GrantSendOnBehalfTo') {
                if ($row.Contains($name)) { foreach ($who in @($row[$name])) { if ($who) { $null = $people.Add("$who") } } }
            }
            $row
        })
    } catch { $answer.error = $_.Exception.Message }
    $answers.Add($answer)
}
`
	scriptSave = `foreach ($who in @($people)) {
    if ($who -notmatch '^(NT AUTHORITY\\|S-1-)') { Ask 'Get-Recipient' @{ Identity = $who } $recipient }
}
$file = Join-Path (Get-Location) 'postroom-answers.json'
$tenant = "$(Get-ConnectionInformation | Where-Object { $_.State -eq 'Connected' } | Select-Object -First 1 -ExpandProperty TenantID -ErrorAction SilentlyContinue)"
@{ format = 1; made = (Get-Date).ToUniversalTime().ToString('o'); tenant = $tenant; answers = $answers } | ConvertTo-Json -Depth 8 |
    Set-Content -LiteralPath $file -Encoding utf8
Write-Host "Answers: $file"
`
	scriptEnd = `if ($failed.Count -gt 0) { Write-Host "$($failed.Count) mailboxes have a step that failed." -ForegroundColor Red; exit 1 }
`
)
