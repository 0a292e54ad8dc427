package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/providers/exchange"
)

// scripted is Exchange administered by scripts that an administrator runs: what the last one has read is what is there, and
// every step is one to be done by hand, with the next.
type scripted struct {
	*exchange.Admin
	file string
}

// Do implements provision.Admin.
func (s scripted) Do(_ context.Context, step provision.Step) error {
	return &provision.ByHand{Instruction: s.Manual(step), Err: errors.New("here Exchange is administered by script")}
}

// Manual implements provision.Admin.
func (s scripted) Manual(step provision.Step) string {
	if by := s.Admin.Manual(step); by != "" {
		return by
	}
	return "in Exchange Online PowerShell: ./" + s.file
}

// WriteQuestions writes the script that reads what Exchange has of the mailboxes in want. Its answers, which it leaves in a
// file for [exchange.ReadAnswers], are the Shell that a plan is made by.
func (a *Administrations) WriteQuestions(w io.Writer, source string, made time.Time, want []provision.Mailbox) error {
	var s exchange.Script
	return s.Print(w, source, made, a.Exchange.Questions(ofExchange(want), nil))
}

// WriteSteps writes the script that does those of the steps that Exchange has a say in and can do, and then reads what
// WriteQuestions reads. It gives how many there are; without any, nothing is written.
func (a *Administrations) WriteSteps(ctx context.Context, w io.Writer, source string, made time.Time, steps []provision.Step, want []provision.Mailbox) (int, error) {
	s := &exchange.Script{Reads: asked{a.Shell}}
	by := a.Exchange.Through(s)
	n := 0
	for _, step := range steps {
		if !by.Handles(step.Provider, step.Fact.Aspect) || a.Exchange.Manual(step) != "" {
			continue
		}
		s.Begin(step)
		if err := by.Do(ctx, step); err != nil {
			return n, fmt.Errorf("write the step %q of %s down: %w", step.What, step.Mailbox, err)
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, s.Print(w, source, made, a.Exchange.Questions(ofExchange(want), nil))
}

// asked answers what the last script has asked. What it has not, such as who has the address of a mailbox that is to be made, is
// taken for not there: the script that is written says so when it is run and it is otherwise.
type asked struct{ exchange.Shell }

// Run implements exchange.Shell.
func (a asked) Run(ctx context.Context, commands ...exchange.Command) ([]exchange.Result, error) {
	results, err := a.Shell.Run(ctx, commands...)
	for i := range results {
		if results[i].Err != nil {
			results[i] = exchange.Result{}
		}
	}
	return results, err
}

func ofExchange(want []provision.Mailbox) (out []provision.Mailbox) {
	for _, m := range want {
		if m.Provider == inbox.M365 {
			out = append(out, m)
		}
	}
	return out
}
