package exchange

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/postroom/postroom/core/provision"
)

// maxAnswers bounds a file of answers in bytes: ten thousand mailboxes fit.
const maxAnswers = 256 << 20

// maxAge is how long answers count. What has changed since is planned over.
const maxAge = 24 * time.Hour

// Answers is a Shell that replays what a Script has read, so that a plan can be made, and what an administrator did be
// verified, without any access to the tenant's administration. It changes nothing. It may be used by several goroutines.
type Answers struct {
	Made   time.Time // when the script was run
	Tenant string    // and in which tenant, by its id; "" where the module has not said
	by     map[string]Result
}

var _ Shell = (*Answers)(nil)

// answersFile is what a script leaves.
type answersFile struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
	Tenant  string    `json:"tenant"`
	Answers []struct {
		Cmdlet     string         `json:"cmdlet"`
		Parameters map[string]any `json:"parameters"`
		Rows       rows           `json:"rows"`
		Error      string         `json:"error"`
	} `json:"answers"`
}

// rows are those of one answer. PowerShell writes a list of one as it likes, and an empty one as null.
type rows []Row

func (r *rows) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		var one Row
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*r = rows{one}
		return nil
	}
	var list []Row
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*r = list
	return nil
}

// ReadAnswers reads the file that a script has left.
func ReadAnswers(r io.Reader) (*Answers, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxAnswers+1))
	if err != nil {
		return nil, fmt.Errorf("exchange: read the answers: %w", err)
	}
	if len(b) > maxAnswers {
		return nil, fmt.Errorf("exchange: read the answers: more than %d MiB", maxAnswers>>20)
	}
	var f answersFile
	// Windows PowerShell puts a byte order mark in front.
	if err := json.Unmarshal(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), &f); err != nil {
		return nil, fmt.Errorf("exchange: read the answers: %w; they are the file postroom-answers.json that the script leaves", err)
	}
	if f.Format != 1 {
		return nil, fmt.Errorf("exchange: read the answers: format %d is not known; make the script anew with this postroom", f.Format)
	}
	a := &Answers{Made: f.Made, Tenant: clean(f.Tenant), by: map[string]Result{}}
	for _, x := range f.Answers {
		res := Result{Rows: x.Rows}
		if x.Error != "" {
			kind, text := split(x.Error)
			res = Result{Err: &Failure{Cmdlet: x.Cmdlet, Type: kind, Message: text}}
		}
		a.by[question(x.Cmdlet, x.Parameters)] = res
	}
	return a, nil
}

// Check fails for answers that are too old to plan by, or of another tenant than the one with the id; an empty id, or a name in its
// place, is not compared.
func (a *Answers) Check(now time.Time, tenant string) error {
	switch age := now.Sub(a.Made); {
	case age > maxAge:
		return fmt.Errorf("exchange: the answers are of %s: run the script again, for much may have changed", a.Made.UTC().Format(time.RFC3339))
	case age < -time.Hour:
		return fmt.Errorf("exchange: the answers are of %s, which is to come: look at the clock of the machine where the script was run", a.Made.UTC().Format(time.RFC3339))
	case len(tenant) == len(a.Tenant) && !strings.EqualFold(tenant, a.Tenant):
		return fmt.Errorf("exchange: the answers are of the tenant %s, not of %s: connect to the right one (Disconnect-ExchangeOnline, Connect-ExchangeOnline), and run the script again", a.Tenant, tenant)
	}
	return nil
}

// question is by what an answer is found again.
func question(cmdlet string, parameters map[string]any) string {
	c := Command{Name: cmdlet, Parameters: map[string]any{}}
	for n, v := range parameters {
		switch v := v.(type) {
		case string:
			c.Parameters[strings.ToLower(n)] = v
		default:
			c.Parameters[strings.ToLower(n)] = fmt.Sprint(v)
		}
	}
	return strings.ToLower(c.String())
}

// Run implements Shell.
func (a *Answers) Run(_ context.Context, commands ...Command) ([]Result, error) {
	out := make([]Result, len(commands))
	for i, c := range commands {
		if !c.reads() {
			return nil, &provision.Refused{Err: fmt.Errorf("exchange: %s changes something, and the answers of a script are there to read; write a script instead", c.Name)}
		}
		got, ok := a.by[question(c.Name, c.Parameters)]
		if !ok {
			got = Result{Err: &Failure{Cmdlet: c.Name, Message: "the script did not ask this; make it anew and run it: " + c.String()}}
		}
		out[i] = got
	}
	return out, nil
}
