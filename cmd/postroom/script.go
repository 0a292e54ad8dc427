package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
)

// The scripts that an administrator runs instead of letting Postroom into Exchange, in the current directory, and what they
// leave there.
const (
	readScript  = "exchange-read.ps1"
	applyScript = "exchange-apply.ps1"
	answersName = "postroom-answers.json"
)

// exchangeFlags say how Exchange Online is administered.
type exchangeFlags struct {
	Exchange        string `enum:"endpoint,script" default:"endpoint" help:"How Exchange Online is administered: endpoint, or script, which writes PowerShell for an administrator to run."`
	ExchangeAnswers string `name:"exchange-answers" placeholder:"FILE" help:"What the last such script has read: the file postroom-answers.json that it left."`
}

func (e *exchangeFlags) check(t *tenantFlags) error {
	switch {
	case e.ExchangeAnswers != "" && e.Exchange != "script":
		return errors.New("--exchange-answers: answers are what a script leaves: say --exchange script too")
	case e.Exchange == "script" && t.Simulate:
		return errors.New("--exchange script: nobody can run a script against tenants of --simulate")
	}
	return nil
}

// written are the flags as they are written.
func (e *exchangeFlags) written() string {
	var b strings.Builder
	if e.Exchange == "script" {
		b.WriteString(" --exchange script")
	}
	if e.ExchangeAnswers != "" {
		fmt.Fprintf(&b, " --exchange-answers %s", e.ExchangeAnswers)
	}
	return b.String()
}

// shell answers from what a script has read lately in the tenant; nil where scripts are not wanted. Before the first one it has no
// answers.
func (e *exchangeFlags) shell(now time.Time, tenant string) (exchange.Shell, error) {
	switch {
	case e.Exchange != "script":
		return nil, nil
	case e.ExchangeAnswers == "":
		return &exchange.Answers{}, nil
	}
	f, err := os.Open(e.ExchangeAnswers)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	answers, err := exchange.ReadAnswers(f)
	if err == nil {
		err = answers.Check(now, tenant)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", e.ExchangeAnswers, err)
	}
	return answers, nil
}

// askByScript writes the script that reads, where Exchange is administered by scripts and nothing has been read yet.
func (t *tenants) askByScript(a *app, w *wish, e *exchangeFlags) (wrote bool, err error) {
	if e.Exchange != "script" || e.ExchangeAnswers != "" || t.ways.Exchange == nil {
		return false, nil
	}
	var script bytes.Buffer
	if err := t.ways.WriteQuestions(&script, "What Exchange has of the mailboxes of "+w.source.Name, t.now(), w.mailboxes); err != nil {
		return false, err
	}
	if err := replaceFile(readScript, script.Bytes()); err != nil {
		return false, fmt.Errorf("write the script: %w", err)
	}
	fmt.Fprintf(a.stdout, "%s reads what Exchange has, and changes nothing. Run it in PowerShell with the module ExchangeOnlineManagement; then:\n"+
		"  postroom plan%s --exchange script --exchange-answers %s\n", readScript, t.flags, answersName)
	return true, errLeft{}
}

// writeScript writes the script that does what an apply has left to it.
func (t *tenants) writeScript(a *app, w *wish, r *provision.Report) error {
	if t.ways == nil || t.ways.Script == "" || t.ways.Exchange == nil {
		return nil
	}
	var steps []provision.Step
	for _, e := range r.Ended {
		// Those that wait for one in the same script are in it too: it does them in order.
		if e.Outcome == provision.ByPerson || e.Outcome == provision.Untried {
			steps = append(steps, e.Step)
		}
	}
	var script bytes.Buffer
	n, err := t.ways.WriteSteps(a.ctx, &script, "What Exchange has to do for "+w.source.Name, t.now(), steps, w.mailboxes)
	if err != nil || n == 0 {
		return err
	}
	if err := replaceFile(applyScript, script.Bytes()); err != nil {
		return fmt.Errorf("write the script: %w", err)
	}
	_, err = fmt.Fprintf(a.stdout, "\n%s does %s in Exchange, and reads what is there afterwards. Run it; then this shows what is left:\n"+
		"  postroom plan%s --exchange script --exchange-answers %s\n", applyScript, count(n, "step", "steps"), t.flags, answersName)
	return err
}
