package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/infra/bolt"
	"github.com/postroom/postroom/providers/exchange"
	"github.com/postroom/postroom/providers/exchange/exchangesim"
	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
	"github.com/rogpeppe/go-internal/testscript"
)

// estate is the simulated tenants of one script, served on this machine. The processes that the script starts reach them by the
// flags that "admin" adds, and that stand in $tenant for those started otherwise.
type estate struct {
	world *boot.Simulation

	mu    sync.Mutex
	ahead time.Duration // of the tenants' clock
	holds int           // how many changes at Exchange pass before one is held
	held  chan struct{} // closed when one is
	let   chan struct{} // closed when it may go on
}

// estateKey finds a script's estate.
type estateKey struct{}

func estateIn(ts *testscript.TestScript) *estate { return ts.Value(estateKey{}).(*estate) }

func (e *estate) now() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return time.Now().Add(e.ahead)
}

// tenant does something at the simulated tenants:
//
//	start [FILE]           begins with what FILE says is true of them, as --simulate keeps it; the people of postroom.yaml are there
//	hold N                 lets N changes at Exchange through, and holds the next one back
//	held                   waits until one is held back
//	release                lets it go on
//	exchange CMDLET [K=V]  what an administrator does elsewhere, at Exchange
//	size ADDRESS GB        how much is in a mailbox at Exchange
//	license ADDRESS        assigns a mailbox a licence at Microsoft 365
//	answers FILE           runs the questions of the script that reads Exchange, and leaves what it leaves
//	throttle SERVICE N [P] refuses N requests with 429, of those whose path has P in it
//	ahead TIME             moves the tenants' clock
//	person ADDRESS         adds somebody with a mailbox of their own at Microsoft 365
//	norole                 takes the provisioning app's role at Exchange away
//	refuse ADDRESS         puts a mailbox out of the app's reach at Graph
func tenant(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: tenant VERB …")
	}
	e := estateIn(ts)
	switch verb, args := args[0], args[1:]; verb {
	case "start":
		e.start(ts, args)
	case "hold":
		n, err := strconv.Atoi(args[0])
		ts.Check(err)
		e.mu.Lock()
		e.holds, e.held, e.let = n, make(chan struct{}), make(chan struct{})
		e.mu.Unlock()
	case "held":
		select {
		case <-e.held:
		case <-time.After(30 * time.Second):
			ts.Fatalf("no change has come")
		}
	case "release":
		close(e.let)
	case "exchange":
		parameters := map[string]any{}
		for _, p := range args[1:] {
			key, value, _ := strings.Cut(p, "=")
			switch value {
			case "true", "false":
				parameters[key] = value == "true"
			default:
				parameters[key] = value
			}
		}
		ts.Check(e.world.Exchange.Run(args[0], parameters))
	case "size":
		gb, err := strconv.ParseFloat(args[1], 64)
		ts.Check(err)
		ts.Check(e.world.Exchange.SetSize(args[0], int64(gb*(1<<30))))
	case "answers":
		ts.Check(e.answers(ts.MkAbs("postroom.yaml"), ts.MkAbs(args[0])))
	case "license":
		ts.Check(e.world.Exchange.License(args[0]))
	case "throttle":
		n, err := strconv.Atoi(args[1])
		ts.Check(err)
		rule := fault.Rule{Kind: fault.Throttle, Times: n}
		if len(args) > 2 {
			rule.Path, rule.RetryAfter = args[2], time.Hour // longer than any adapter waits
		}
		e.dial(ts, args[0]).Add(rule)
	case "ahead":
		d, err := time.ParseDuration(args[0])
		ts.Check(err)
		e.mu.Lock()
		e.ahead = d
		e.mu.Unlock()
	case "person":
		ts.Check(e.world.Graph.AddMailbox(graphsim.Mailbox{Address: args[0], Purpose: "user"}))
		ts.Check(e.world.Exchange.AddUser(exchangesim.Recipient{Address: args[0]}))
	case "norole":
		e.world.Exchange.NoRole = true
	case "refuse":
		ts.Check(e.world.Graph.RefuseMailbox(args[0]))
	default:
		ts.Fatalf("tenant %s: there is no such verb", verb)
	}
}

func (e *estate) dial(ts *testscript.TestScript, name string) *fault.Dial {
	dials := map[string]*fault.Dial{"graph": e.world.GraphDial, "gmail": e.world.GmailDial, "exchange": e.world.ExchangeDial, "workspace": e.world.WorkspaceDial}
	if dials[name] == nil {
		ts.Fatalf("there is no service %s", name)
	}
	return dials[name]
}

func (e *estate) start(ts *testscript.TestScript, args []string) {
	var kept []byte
	if len(args) > 0 {
		var err error
		kept, err = os.ReadFile(ts.MkAbs(args[0]))
		ts.Check(err)
	}
	e.world = boot.SimulateTenants(boot.SimulationOptions{Now: e.now})
	o := boot.AdministrationOptions{Now: e.now, Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if m, err := readManifest(ts.MkAbs("postroom.yaml")); err == nil {
		o.Want = m.Desired()
	}
	ts.Check(e.world.Restore(context.Background(), kept, o))
	flags := []string{}
	for _, s := range []struct {
		flag, path string
		sim        http.Handler
	}{
		{"graph-url", "/v1.0", e.world.Graph}, {"exchange-url", "", e.holding(e.world.Exchange)},
		{"gmail-url", "/", e.world.Gmail}, {"workspace-url", "/", e.world.Workspace},
	} {
		at := httptest.NewServer(e.dated(s.sim))
		ts.Defer(at.Close)
		flags = append(flags, "--"+s.flag+"="+at.URL+s.path)
	}
	ts.Setenv("tenant", strings.Join(flags, " "))
}

// answers does what the script does that "plan --exchange script" writes.
func (e *estate) answers(config, file string) error {
	m, err := readManifest(config)
	if err != nil {
		return err
	}
	o := boot.AdministrationOptions{Want: m.Desired(), Mark: m.Mark(), Now: e.now}
	ways, err := e.world.Administrations(o)
	if err != nil {
		return err
	}
	q := &questioner{shell: ways.Shell, asked: map[string]bool{}}
	for _, c := range ways.Exchange.Questions(o.Want, nil) {
		rows, err := q.ask(c)
		if err == nil {
			err = q.people(rows)
		}
		if err != nil {
			return err
		}
	}
	data, err := json.Marshal(map[string]any{"format": 1, "made": e.now(), "answers": q.list})
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// questioner asks each question once and keeps the answers as the script writes them.
type questioner struct {
	shell exchange.Shell
	asked map[string]bool
	list  []map[string]any
}

func (q *questioner) ask(c exchange.Command) ([]exchange.Row, error) {
	if q.asked[c.String()] {
		return nil, nil
	}
	q.asked[c.String()] = true
	results, err := q.shell.Run(context.Background(), c)
	if err != nil {
		return nil, err
	}
	parameters := map[string]string{}
	for name, value := range c.Parameters {
		parameters[name] = fmt.Sprint(value)
	}
	answer := map[string]any{"cmdlet": c.Name, "parameters": parameters, "rows": results[0].Rows, "error": ""}
	if f := (*exchange.Failure)(nil); errors.As(results[0].Err, &f) {
		answer["error"] = "|" + f.Type + "|" + f.Message
	}
	q.list = append(q.list, answer)
	return results[0].Rows, nil
}

// people asks who they are whom Exchange names.
func (q *questioner) people(rows []exchange.Row) error {
	for _, row := range rows {
		for _, property := range []string{"User", "Trustee", "GrantSendOnBehalfTo"} {
			who, several := row[property].([]any)
			if !several {
				who = []any{row[property]}
			}
			for _, one := range who {
				name, _ := one.(string)
				if name == "" {
					continue
				}
				if _, err := q.ask(exchange.Command{Name: "Get-Recipient", Parameters: map[string]any{"Identity": name}}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// dated writes the tenants' time into every answer, as the vendors do.
func (e *estate) dated(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", e.now().UTC().Format(http.TimeFormat))
		h.ServeHTTP(w, r)
	})
}

// holding holds a change back where it was asked to.
func (e *estate) holding(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if !strings.Contains(string(body), `"CmdletName":"Get-`) && !strings.Contains(string(body), `"CmdletName":"Test-`) {
			e.hold()
		}
		h.ServeHTTP(w, r)
	})
}

func (e *estate) hold() {
	e.mu.Lock()
	held, let, now := e.held, e.let, e.held != nil && e.holds == 0
	e.holds--
	e.mu.Unlock()
	if now {
		close(held)
		<-let
	}
}

// admin runs "postroom ARGS" with the flags that lead to the script's tenants, and sets $code to its exit code.
func admin(ts *testscript.TestScript, neg bool, args []string) {
	args = slices.Concat(args, strings.Fields(ts.Getenv("tenant")))
	err := ts.Exec("postroom", args...)
	ts.Setenv("code", "0")
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		ts.Setenv("code", strconv.Itoa(ended.ExitCode()))
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if neg == (err == nil) {
		ts.Fatalf("postroom %s ends with %s", strings.Join(args, " "), ts.Getenv("code"))
	}
}

// exits fails unless the last admin ended with a code.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if code := ts.Getenv("code"); code != args[0] {
		ts.Fatalf("the exit code is %s, not %s", code, args[0])
	}
}

// watching keeps a watch of a mailbox in postroom-data as serve does: watching ADDRESS TARGET LEFT.
func watching(ts *testscript.TestScript, neg bool, args []string) {
	left, err := time.ParseDuration(args[2])
	ts.Check(err)
	ts.Check(os.MkdirAll(ts.MkAbs("postroom-data"), 0o700))
	db, err := bolt.Open(filepath.Join(ts.MkAbs("postroom-data"), databaseName), bolt.Options{})
	ts.Check(err)
	ts.Check(db.SaveWatch(context.Background(), pipeline.Watch{ID: "watch of " + args[0], Mailbox: inbox.MailboxID(args[0]), Target: args[1], Expires: time.Now().Add(left)}))
	ts.Check(db.Close())
}

// hook serves the hooks for Graph, or with "closed" something else, and sets $hook to where.
func hook(ts *testscript.TestScript, neg bool, args []string) {
	h := http.Handler(http.NotFoundHandler())
	if len(args) == 0 {
		mux, err := web.Mux(&web.Graph{Watches: noWatches{}, Hints: noWatches{}, Now: time.Now}, nil)
		ts.Check(err)
		h = mux
	}
	at := httptest.NewServer(h)
	ts.Defer(at.Close)
	ts.Setenv("hook", at.URL)
}

// noWatches fails whoever asks, for the handshake asks nobody.
type noWatches struct{ pipeline.Watches }

func (noWatches) Enqueue(context.Context, pipeline.Hint) error {
	return fmt.Errorf("nothing is enqueued")
}

// emptyAccount is an AWS account in which there is nothing, and sets the variables that lead AWS's client there.
func emptyAccount(ts *testscript.TestScript, neg bool, args []string) {
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind := map[string]string{
			"DynamoDB_20120810": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException", "AmazonSQS": "com.amazonaws.sqs#QueueDoesNotExist",
		}[strings.SplitN(r.Header.Get("X-Amz-Target"), ".", 2)[0]]
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type": %q, "message": "there is nothing"}`, kind)
	}))
	ts.Defer(at.Close)
	for key, value := range map[string]string{
		"AWS_ENDPOINT_URL": at.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_MAX_ATTEMPTS": "1",
	} {
		ts.Setenv(key, value)
	}
}
