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

// Answers is a Shell that replays what a Script has read, so that a plan can be made, and what an administrator did be
// verified, without any access to the tenant's administration. It changes nothing. It may be used by several goroutines.
type Answers struct {
	Made time.Time // when the script was run
	by   map[string]Result
}

var _ Shell = (*Answers)(nil)

// answersFile is what a script leaves.
type answersFile struct {
	Format  int       `json:"format"`
	Made    time.Time `json:"made"`
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
	a := &Answers{Made: f.Made, by: map[string]Result{}}
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
