// Command postroom turns Microsoft 365 shared mailboxes and Google Workspace mailboxes into team inboxes. See README.md;
// "postroom COMMAND --help" tells the rest.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/postroom/postroom/functions/boot"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1 // it was tried and did not work
	exitMisused = 2 // it could not be tried: wrong words on the command line
	exitLeft    = 3 // it was done, and the mailboxes are not as the manifest says: plan --exit-code, apply
)

// commands is the command line. A field's help is what --help prints.
type commands struct {
	Demo     demoCommand     `cmd:"" help:"Show the main job on real mail, with both providers simulated in this process. No account is needed."`
	Serve    serveCommand    `cmd:"" help:"Work the mailboxes of a manifest from this machine."`
	Init     initCommand     `cmd:"" help:"Write a manifest to begin with."`
	Validate validateCommand `cmd:"" help:"Check a manifest and say everything that is wrong with it."`
	Plan     planCommand     `cmd:"" help:"Show what would have to be done for the mailboxes, their people and rights to be as the manifest says."`
	Apply    applyCommand    `cmd:"" help:"Do what a plan shows, one step at a time, each read back."`
	Import   importCommand   `cmd:"" help:"Write the manifest of mailboxes that exist."`
	Doctor   doctorCommand   `cmd:"" help:"Look whether everything that the mailboxes need is in order, and say how to put it right."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of the manifest, for editors to complete it by."`
	Why      whyCommand      `cmd:"" help:"Show the timeline of a conversation with the reasons."`
	Status   statusCommand   `cmd:"" help:"Show how the mailboxes stand."`
	Simulate simulateCommand `cmd:"" help:"Serve simulated tenants on this machine for another process to use."`
}

// app is what a command may use of the world.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	env    func(string) string
	now    func() time.Time
	wait   func(context.Context, time.Duration) error // for so long, or until the context ends
	tty    bool                                       // stdout is a terminal somebody looks at
	asks   bool                                       // somebody at a terminal can be asked: both stdin and stdout are one
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once, which loses nothing
	code := run(os.Args[1:], &app{
		ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv, now: time.Now, wait: boot.Wait,
		tty: terminal(os.Stdout) && os.Getenv("NO_COLOR") == "", asks: terminal(os.Stdin) && terminal(os.Stdout),
	})
	stop()
	os.Exit(code)
}

// run carries out one command line and gives the exit code. An error is one line on stderr.
func run(args []string, a *app) int {
	var cmd commands
	exit := -1
	parser, err := parser(&cmd, kong.Writers(a.stdout, a.stderr), kong.Bind(a), kong.Exit(func(code int) { exit = code }))
	if err != nil {
		fmt.Fprintln(a.stderr, "postroom:", err)
		return exitFailed
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "postroom: %s (see %s --help)\n", printable(err.Error(), 300), misused(err))
		return exitMisused
	}
	if err := parsed.Run(); err != nil {
		var left errLeft
		if errors.As(err, &left) {
			return exitLeft
		}
		var said errSaid
		if !errors.As(err, &said) {
			fmt.Fprintln(a.stderr, "postroom:", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		}
		return exitFailed
	}
	return exitOK
}

// terminal reports whether a file is one, and not, say, a pipe.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// parser is the grammar of the command line.
func parser(cmd *commands, more ...kong.Option) (*kong.Kong, error) {
	return kong.New(cmd, append([]kong.Option{
		kong.Name("postroom"),
		kong.Description("Team inboxes on Microsoft 365 and Google Workspace mailboxes, without a new client."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
	}, more...)...)
}

// misused is the command that was meant, as far as it was understood.
func misused(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil {
		if command := wrong.Context.Selected(); command != nil {
			return "postroom " + command.Name
		}
	}
	return "postroom"
}

// errSaid is a failure that the command has told of already.
type errSaid struct{}

func (errSaid) Error() string { return "failed" }

// errLeft ends a command that did what it was asked to, and has told what is left for somebody.
type errLeft struct{}

func (errLeft) Error() string { return "something is left" }
