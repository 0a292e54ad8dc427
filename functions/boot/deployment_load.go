package boot

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/postroom/postroom/functions/web"
	"github.com/postroom/postroom/providers/msgraph"
)

// defaultSweep is how often a mailbox is read whatever is heard of it, unless POSTROOM_SWEEP says otherwise.
const defaultSweep = 15 * time.Minute

// defaultStale is for how long a mailbox may go without a sync that comes to its end, unless POSTROOM_STALE says otherwise. It
// may not be less: that an idle mailbox was read is noted down every half an hour, and seen with the sweep after.
const defaultStale = time.Hour

// LoadDeployment reads the variables through lookup, which is os.Getenv outside of tests. It checks what can be checked
// without asking anybody, and tells everything that is wrong at once: each error of the joined one names its variable and
// what to write there. What a function cannot do without, [Deployment.Check] tells.
func LoadDeployment(lookup func(string) string) (Deployment, error) {
	r := reader{lookup: lookup}
	d := Deployment{
		Table:    r.text("TABLE", tableName, "write the table's name, such as postroom-Table-1ABC"),
		Queue:    strings.TrimSuffix(r.text("QUEUE", queueURL, "write the URL of the FIFO queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/postroom.fifo"), "/"),
		Manifest: r.text("MANIFEST", documentURI, "write s3://BUCKET/KEY, or ssm:/NAME for a parameter"),
		URL:      strings.TrimSuffix(r.text("URL", public, "write the https URL under which the providers reach the hooks, such as https://postroom.example.com"), "/"),

		GraphTenant:     r.text("GRAPH_TENANT", directory, "write the directory (tenant) id that the app registration shows"),
		GraphClient:     r.text("GRAPH_CLIENT", directory, "write the application (client) id that the app registration shows"),
		GraphCloud:      r.text("GRAPH_CLOUD", graphCloud, "write global, usgov, usgov-dod or china"),
		GraphCredential: r.choice("GRAPH_CREDENTIAL", oneOf("federated", "certificate", "secret"), "write federated, certificate or secret, or none where no mailbox is at Microsoft 365"),
		GraphAudience:   cmp.Or(r.text("GRAPH_AUDIENCE", anything, ""), "api://AzureADTokenExchange"),
		GraphSecret:     r.text("GRAPH_SECRET_ARN", secretARN, secretFix),
		GraphLapses:     r.day("GRAPH_SECRET_EXPIRES"),

		GoogleCredential:   r.choice("GOOGLE_CREDENTIAL", oneOf("federated", "key"), "write federated or key, or none where no mailbox is at Google"),
		GoogleAccount:      r.text("GOOGLE_ACCOUNT", mailAddress, "write the service account's e-mail address"),
		GoogleProvider:     r.text("GOOGLE_PROVIDER", poolProvider, providerFix),
		GoogleSecret:       r.text("GOOGLE_SECRET_ARN", secretARN, secretFix),
		GoogleLapses:       r.day("GOOGLE_KEY_EXPIRES"),
		GoogleTopic:        r.text("GOOGLE_TOPIC", namedA("topics"), "write the topic's full name, projects/PROJECT/topics/TOPIC"),
		GoogleSubscription: r.text("GOOGLE_SUBSCRIPTION", namedA("subscriptions"), "write the subscription's full name, projects/PROJECT/subscriptions/SUBSCRIPTION"),
		GooglePushAccount:  r.text("GOOGLE_PUSH_ACCOUNT", mailAddress, "write the e-mail address of the service account that signs the pushes"),
		GoogleAudience:     r.text("GOOGLE_AUDIENCE", anything, ""),

		ExchangeClient:      r.text("EXCHANGE_CLIENT", directory, "write the application (client) id of the app that administers Exchange"),
		ExchangeCredential:  r.choice("EXCHANGE_CREDENTIAL", oneOf("federated", "certificate", "secret"), "write federated, certificate or secret, or none where Exchange is not administered from here"),
		ExchangeSecret:      r.text("EXCHANGE_SECRET_ARN", secretARN, secretFix),
		ExchangeLapses:      r.day("EXCHANGE_SECRET_EXPIRES"),
		WorkspaceCredential: r.choice("WORKSPACE_CREDENTIAL", oneOf("federated", "key"), "write federated or key, or none where the Workspace is not administered from here"),
		WorkspaceAccount:    r.text("WORKSPACE_ACCOUNT", mailAddress, "write the service account's e-mail address"),
		WorkspaceAdmin:      r.text("WORKSPACE_ADMIN", mailAddress, "write the address of an administrator of the Workspace"),
		WorkspaceProvider:   cmp.Or(r.text("WORKSPACE_PROVIDER", poolProvider, providerFix), r.get("GOOGLE_PROVIDER")),
		WorkspaceSecret:     r.text("WORKSPACE_SECRET_ARN", secretARN, secretFix),

		Topic: r.text("TOPIC", topicARN, "write the topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME"),

		Sweep:    r.period("SWEEP", defaultSweep, time.Minute, 24*time.Hour, "write a time from 1m to 24h, such as 15m"),
		Stale:    r.period("STALE", defaultStale, defaultStale, 7*24*time.Hour, "write a time from 1h to 168h, such as 1h or 90m"),
		Stack:    cmp.Or(r.text("STACK", plain, "write the deployment's name in ASCII letters, digits and hyphens"), "postroom"),
		LogLevel: cmp.Or(strings.ToLower(r.text("LOG_LEVEL", logLevel, "write debug, info, warn or error")), "info"),

		SimulatedGraph:     r.text("SIMULATED_GRAPH", loopback, simulatedFix),
		SimulatedGmail:     r.text("SIMULATED_GMAIL", loopback, simulatedFix),
		SimulatedExchange:  r.text("SIMULATED_EXCHANGE", loopback, simulatedFix),
		SimulatedWorkspace: r.text("SIMULATED_WORKSPACE", loopback, simulatedFix),
		SimulatedKeys:      r.text("SIMULATED_KEYS", loopback, simulatedFix),
	}
	r.together(d)
	return d, errors.Join(r.problems...)
}

// Level is the least level that is logged.
func (d Deployment) Level() slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(d.LogLevel)); err != nil {
		return slog.LevelInfo
	}
	return l
}

// Audience is what pushes of Gmail's are signed for; empty when nothing says so.
func (d Deployment) Audience() string {
	if d.GoogleAudience == "" && d.URL != "" {
		return d.URL + web.GmailPath
	}
	return d.GoogleAudience
}

const (
	secretFix    = "write the secret's ARN, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME, and keep the secret itself out of the variable"
	providerFix  = "write the provider's full name, projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER"
	simulatedFix = "a simulated tenant is on this machine alone: write a URL such as http://127.0.0.1:9000, or remove the variable to reach the real tenant"
)

// reader collects what is wrong while variables are read. Values are not quoted in errors: one that got into the wrong
// variable may be a secret.
type reader struct {
	lookup   func(string) string
	problems []error
}

func (r *reader) problem(name, text string) {
	r.problems = append(r.problems, fmt.Errorf("POSTROOM_%s: %s", name, text))
}

func (r *reader) get(name string) string { return strings.TrimSpace(r.lookup("POSTROOM_" + name)) }

// text reads a variable. One that is set and not ok is a problem, and fix says what to write.
func (r *reader) text(name string, ok func(string) bool, fix string) string {
	value := r.get(name)
	if value != "" && !ok(value) {
		r.problem(name, fix)
	}
	return value
}

// choice is text that may be "none", which is as good as not set.
func (r *reader) choice(name string, ok func(string) bool, fix string) string {
	if r.get(name) == "none" {
		return ""
	}
	return r.text(name, ok, fix)
}

func (r *reader) day(name string) time.Time {
	value := r.get(name)
	if value == "" {
		return time.Time{}
	}
	day, err := time.Parse(time.DateOnly, value)
	if err != nil {
		r.problem(name, "write the day as 2027-01-31")
	}
	return day
}

// period reads a time from least to most.
func (r *reader) period(name string, unset, least, most time.Duration, fix string) time.Duration {
	value := r.get(name)
	if value == "" {
		return unset
	}
	period, err := time.ParseDuration(value)
	if err != nil || period < least || period > most {
		r.problem(name, fix)
	}
	return period
}

// together checks what only makes sense beside another variable.
func (r *reader) together(d Deployment) {
	needs := func(cause, name, value, fix string) {
		if value == "" {
			r.problem(name, cause+" needs it: "+fix)
		}
	}
	proof := func(app, credential, secret string, lapses time.Time) {
		cause := "POSTROOM_" + app + "_CREDENTIAL=" + credential
		if credential == "certificate" || credential == "secret" {
			needs(cause, app+"_SECRET_ARN", secret, secretFix)
		}
		if credential == "secret" && lapses.IsZero() {
			needs(cause, app+"_SECRET_EXPIRES", r.get(app+"_SECRET_EXPIRES"), "set it to the day the client secret ends, so that you are warned in time")
		}
	}
	if c := d.GraphCredential; c != "" {
		cause := "POSTROOM_GRAPH_CREDENTIAL"
		needs(cause, "GRAPH_TENANT", d.GraphTenant, "set it to the directory (tenant) id")
		needs(cause, "GRAPH_CLIENT", d.GraphClient, "set it to the application (client) id")
		proof("GRAPH", c, d.GraphSecret, d.GraphLapses)
	}
	if c := d.ExchangeCredential; c != "" {
		cause := "POSTROOM_EXCHANGE_CREDENTIAL"
		if d.GraphCredential == "" { // else that has asked for it
			needs(cause, "GRAPH_TENANT", d.GraphTenant, "set it to the directory (tenant) id")
		}
		needs(cause, "EXCHANGE_CLIENT", d.ExchangeClient, "set it to the application (client) id of the app that administers Exchange")
		proof("EXCHANGE", c, d.ExchangeSecret, d.ExchangeLapses)
	}
	if c := d.WorkspaceCredential; c != "" {
		cause := "POSTROOM_WORKSPACE_CREDENTIAL=" + c
		needs(cause, "WORKSPACE_ADMIN", d.WorkspaceAdmin, "set it to the address of an administrator of the Workspace")
		switch c {
		case "federated":
			needs(cause, "WORKSPACE_ACCOUNT", d.WorkspaceAccount, "set it to the service account's e-mail address")
			needs(cause, "WORKSPACE_PROVIDER", d.WorkspaceProvider, "set it to the workload identity provider's full name")
		case "key":
			needs(cause, "WORKSPACE_SECRET_ARN", d.WorkspaceSecret, secretFix)
		}
	}
	if c := d.GoogleCredential; c != "" {
		cause := "POSTROOM_GOOGLE_CREDENTIAL=" + c
		switch c {
		case "federated":
			needs(cause, "GOOGLE_ACCOUNT", d.GoogleAccount, "set it to the service account's e-mail address")
			needs(cause, "GOOGLE_PROVIDER", d.GoogleProvider, "set it to the workload identity provider's full name")
		case "key":
			needs(cause, "GOOGLE_SECRET_ARN", d.GoogleSecret, secretFix)
		}
	}
}

func anything(string) bool { return true }

func oneOf(words ...string) func(string) bool {
	return func(s string) bool {
		for _, w := range words {
			if s == w {
				return true
			}
		}
		return false
	}
}

func namedA(kind string) func(string) bool {
	return func(s string) bool { return named(s, kind) }
}

var (
	tableName    = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`).MatchString
	directory    = regexp.MustCompile(`^[a-zA-Z0-9.-]+$`).MatchString
	plain        = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`).MatchString
	mailAddress  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`).MatchString
	documentURI  = regexp.MustCompile(`^(s3://[a-z0-9.-]+/.+|ssm:.+)$`).MatchString
	poolProvider = regexp.MustCompile(`^projects/[0-9]+/locations/global/workloadIdentityPools/[^/]+/providers/[^/]+$`).MatchString
	topicARN     = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[a-zA-Z0-9_-]{1,256}$`).MatchString
	secretARN    = regexp.MustCompile(`^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[a-zA-Z0-9/_+=.@!-]+$`).MatchString
)

func graphCloud(s string) bool {
	_, err := msgraph.CloudNamed(s)
	return err == nil
}

func logLevel(s string) bool { return oneOf("debug", "info", "warn", "error")(strings.ToLower(s)) }

// queueURL takes the URL of a FIFO queue, which may be on this machine.
func queueURL(s string) bool {
	return public(s) && strings.HasSuffix(strings.TrimSuffix(s, "/"), ".fifo")
}

// loopback takes a URL of this machine alone. Names are not resolved: what "localhost.example.com" is, others say.
func loopback(s string) bool {
	u, err := url.Parse(s)
	if err != nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(s, "?#") {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}
