package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// Function is one function of a deployment as its process begins.
type Function struct {
	Name       string
	Deployment Deployment
	Log        *slog.Logger
	Metrics    *Metrics
	Now        func() time.Time
}

// NewFunction reads the variables through lookup and tells everything that is wrong with them for this function. Its log
// and metrics are lines of w.
func NewFunction(name string, lookup func(string) string, w io.Writer, now func() time.Time) (*Function, error) {
	// Between two events the process is frozen, and the monotonic clock may stand still: what is kept for a time is kept by the
	// calendar.
	calendar := func() time.Time { return now().Round(0) }
	d, err := LoadDeployment(lookup)
	if missing := d.Check(name); missing != nil {
		err = join(err, missing)
	}
	lines := NewLines(w)
	return &Function{
		Name: name, Deployment: d, Log: Logger(lines, name, d.Level()), Now: calendar,
		Metrics: &Metrics{W: lines, Stack: d.Stack, Function: name, Now: calendar},
	}, err
}

// Start is a function's main: it makes the handler, as lambda.Start takes it, and handles events until Lambda ends the
// process. open sends nothing, so that a cold start waits for nobody. A function that cannot start says why in one line of
// its log, tells Lambda the same, and exits.
func Start(name string, open func(context.Context, *Function) (any, error)) {
	f, err := NewFunction(name, os.Getenv, os.Stdout, time.Now)
	var handler any
	if err == nil {
		handler, err = open(context.Background(), f)
	}
	if err != nil {
		why := oneLine(err)
		f.Log.Error("cannot start", "error", why)
		tellLambda(os.Getenv("AWS_LAMBDA_RUNTIME_API"), why)
		os.Exit(1)
	}
	lambda.Start(handler)
}

// oneLine joins what errors.Join put on lines of their own.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

func join(a, b error) error {
	if a == nil {
		return b
	}
	return fmt.Errorf("%w\n%w", a, b)
}

// tellLambda reports that the function cannot start ("Using the Lambda runtime API for custom runtimes", initialization
// error). Without it whoever invokes the function would learn no more than that its process ended.
func tellLambda(api, why string) {
	if api == "" {
		return
	}
	body, err := json.Marshal(map[string]any{"errorType": "Postroom.Configuration", "errorMessage": why, "stackTrace": []string{}})
	if err != nil {
		return
	}
	client := http.Client{Timeout: time.Second}
	r, err := http.NewRequest(http.MethodPost, "http://"+api+"/2018-06-01/runtime/init/error", bytes.NewReader(body))
	if err != nil {
		return
	}
	r.Header.Set("Lambda-Runtime-Function-Error-Type", "Postroom.Configuration")
	if resp, err := client.Do(r); err == nil { // else the log has it all the same
		resp.Body.Close()
	}
}
