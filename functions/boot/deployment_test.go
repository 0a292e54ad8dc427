package boot_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/boot"
)

// allSet are the variables of a deployment with everything in it, without their POSTROOM_.
var allSet = vars{
	"TABLE": "postroom-Table-1ABC", "QUEUE": "https://sqs.eu-central-1.amazonaws.com/123456789012/postroom.fifo",
	"MANIFEST": "s3://postroom-manifest/postroom.yaml", "URL": "https://hooks.contoso.example/",
	"GRAPH_TENANT": "72f988bf-86f1-41af-91ab-2d7cd011db47", "GRAPH_CLIENT": "6731de76-14a6-49ae-97bc-6eba6914391e",
	"GRAPH_CREDENTIAL": "secret", "GRAPH_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf", "GRAPH_SECRET_EXPIRES": "2027-01-31",
	"GOOGLE_CREDENTIAL": "federated", "GOOGLE_ACCOUNT": "postroom@contoso-mail.iam.gserviceaccount.com",
	"GOOGLE_PROVIDER": "projects/4711/locations/global/workloadIdentityPools/aws/providers/postroom",
	"GOOGLE_TOPIC":    topic, "GOOGLE_SUBSCRIPTION": subscription, "GOOGLE_PUSH_ACCOUNT": account,
	"EXCHANGE_CREDENTIAL": "secret", "EXCHANGE_CLIENT": "8d4f2d5e-0f2c-4b8a-9d61-6f3a1b2c3d4e",
	"EXCHANGE_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:exchange-AbCdEf", "EXCHANGE_SECRET_EXPIRES": "2027-02-28",
	"WORKSPACE_CREDENTIAL": "key", "WORKSPACE_ACCOUNT": "admin@contoso-mail.iam.gserviceaccount.com", "WORKSPACE_ADMIN": "it@contoso.com",
	"WORKSPACE_SECRET_ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:workspace-AbCdEf",
	"TOPIC":                "arn:aws:sns:eu-central-1:123456789012:postroom-Topic-1ABC",
	"SWEEP":                "20m", "STALE": "90m", "STACK": "postroom-eu", "LOG_LEVEL": "Debug",
}

func (v vars) deployment() (boot.Deployment, error) {
	return boot.LoadDeployment(func(name string) string {
		short, ok := strings.CutPrefix(name, "POSTROOM_")
		if !ok {
			return "of another program"
		}
		return v[short]
	})
}

func TestDeploymentReadsEverything(t *testing.T) {
	t.Parallel()
	d, err := allSet.deployment()
	if err != nil {
		t.Fatal(err)
	}
	want := boot.Deployment{
		Table: "postroom-Table-1ABC", Queue: "https://sqs.eu-central-1.amazonaws.com/123456789012/postroom.fifo",
		Manifest: "s3://postroom-manifest/postroom.yaml", URL: siteURL,
		GraphTenant: "72f988bf-86f1-41af-91ab-2d7cd011db47", GraphClient: "6731de76-14a6-49ae-97bc-6eba6914391e",
		GraphCredential: "secret", GraphAudience: "api://AzureADTokenExchange",
		GraphSecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf", GraphLapses: time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
		GoogleCredential: "federated", GoogleAccount: "postroom@contoso-mail.iam.gserviceaccount.com",
		GoogleProvider: "projects/4711/locations/global/workloadIdentityPools/aws/providers/postroom",
		GoogleTopic:    topic, GoogleSubscription: subscription, GooglePushAccount: account,
		ExchangeCredential: "secret", ExchangeClient: "8d4f2d5e-0f2c-4b8a-9d61-6f3a1b2c3d4e",
		ExchangeSecret: "arn:aws:secretsmanager:eu-central-1:123456789012:secret:exchange-AbCdEf", ExchangeLapses: time.Date(2027, 2, 28, 0, 0, 0, 0, time.UTC),
		WorkspaceCredential: "key", WorkspaceAccount: "admin@contoso-mail.iam.gserviceaccount.com", WorkspaceAdmin: "it@contoso.com",
		WorkspaceProvider: "projects/4711/locations/global/workloadIdentityPools/aws/providers/postroom",
		WorkspaceSecret:   "arn:aws:secretsmanager:eu-central-1:123456789012:secret:workspace-AbCdEf",
		Topic:             "arn:aws:sns:eu-central-1:123456789012:postroom-Topic-1ABC",
		Sweep:             20 * time.Minute, Stale: 90 * time.Minute, Stack: "postroom-eu", LogLevel: "debug",
	}
	if d != want {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	if d.Level() != slog.LevelDebug || d.Audience() != siteURL+"/hooks/gmail" {
		t.Errorf("it logs from %v and takes pushes for %q", d.Level(), d.Audience())
	}
	for _, function := range []string{"ingest", "sync", "tick", "provision", "console"} {
		if err := d.Check(function); err != nil {
			t.Errorf("%s: %v", function, err)
		}
	}
	bare, err := vars{}.deployment()
	if err != nil || bare.Sweep != 15*time.Minute || bare.Stale != time.Hour || bare.Stack != "postroom" || bare.LogLevel != "info" || bare.Audience() != "" {
		t.Errorf("by default: %+v, %v", bare, err)
	}
}

func TestDeploymentErrorsNameTheVariableAndTheFix(t *testing.T) {
	t.Parallel()
	const hidden = "s3cret-of-the-app~x8Q"
	for _, tt := range []struct {
		name, value string
		want        string // part of the error; "": there is none
	}{
		{"TABLE", " postroom ", ""},
		{"TABLE", "arn:aws:dynamodb:eu-central-1:123456789012:table/x", "name"},
		{"QUEUE", "https://sqs.eu-central-1.amazonaws.com/123456789012/postroom", "FIFO"},
		{"QUEUE", "http://sqs.contoso.com/postroom.fifo", "FIFO"},
		{"QUEUE", "http://127.0.0.1:9324/1/postroom.fifo", ""},
		{"QUEUE", "postroom.fifo", "FIFO"},
		{"MANIFEST", "postroom.yaml", "s3://BUCKET/KEY"},
		{"MANIFEST", "s3://bucket", "s3://BUCKET/KEY"},
		{"MANIFEST", "ssm:postroom", ""},
		{"MANIFEST", "ssm:", "ssm:/NAME"},
		{"MANIFEST", "ssm:/postroom/manifest", ""},
		{"URL", "http://hooks.contoso.example", "https"},
		{"URL", "https://a:" + hidden + "@hooks.contoso.example", "https"},
		{"GRAPH_TENANT", "contoso/../evil", "directory (tenant) id"},
		{"GRAPH_TENANT", "contoso.onmicrosoft.com", ""},
		{"GRAPH_TENANT", "", "POSTROOM_GRAPH_CREDENTIAL needs it"},
		{"GRAPH_CLIENT", "", "POSTROOM_GRAPH_CREDENTIAL needs it"},
		{"GRAPH_CLOUD", "germany", "usgov-dod"},
		{"GRAPH_CLOUD", "china", ""},
		{"GRAPH_CREDENTIAL", hidden, "federated, certificate or secret"},
		{"GRAPH_CREDENTIAL", "federated", ""},
		{"GRAPH_CREDENTIAL", "none", ""},
		{"GRAPH_SECRET_ARN", "", "ARN"},
		{"GRAPH_SECRET_ARN", hidden, "keep the secret itself out"},
		{"GRAPH_SECRET_ARN", "arn:aws-us-gov:secretsmanager:us-gov-west-1:123456789012:secret:a/b-AbCdEf", ""},
		{"GRAPH_SECRET_ARN", "arn:aws:iam::123456789012:role/x", "secretsmanager"},
		{"GRAPH_SECRET_EXPIRES", "", "day the client secret ends"},
		{"GRAPH_SECRET_EXPIRES", "31.1.2027", "2027-01-31"},
		{"GOOGLE_CREDENTIAL", "keyless", "federated or key"},
		{"GOOGLE_CREDENTIAL", "key", "POSTROOM_GOOGLE_SECRET_ARN"},
		{"GOOGLE_ACCOUNT", "", "service account"},
		{"GOOGLE_ACCOUNT", "postroom", "e-mail address"},
		{"GOOGLE_PROVIDER", "", "workload identity"},
		{"GOOGLE_PROVIDER", "projects/contoso/locations/global/workloadIdentityPools/aws/providers/postroom", "NUMBER"},
		{"GOOGLE_SECRET_ARN", `{"private_key":"` + hidden + `"}`, "keep the secret itself out"},
		{"GOOGLE_KEY_EXPIRES", "soon", "2027-01-31"},
		{"GOOGLE_TOPIC", "postroom", "projects/PROJECT/topics/TOPIC"},
		{"GOOGLE_SUBSCRIPTION", topic, "projects/PROJECT/subscriptions/SUBSCRIPTION"},
		{"GOOGLE_PUSH_ACCOUNT", "push", "e-mail address"},
		{"EXCHANGE_CREDENTIAL", hidden, "federated, certificate or secret"},
		{"EXCHANGE_CREDENTIAL", "federated", ""},
		{"EXCHANGE_CREDENTIAL", "none", ""},
		{"EXCHANGE_CLIENT", "", "POSTROOM_EXCHANGE_CREDENTIAL needs it"},
		{"EXCHANGE_SECRET_ARN", hidden, "keep the secret itself out"},
		{"EXCHANGE_SECRET_ARN", "", "ARN"},
		{"EXCHANGE_SECRET_EXPIRES", "", "day the client secret ends"},
		{"WORKSPACE_CREDENTIAL", "secret", "federated or key"},
		{"WORKSPACE_CREDENTIAL", "federated", ""},
		{"WORKSPACE_ACCOUNT", "admin", "e-mail address"},
		{"WORKSPACE_ADMIN", "", "administrator of the Workspace"},
		{"WORKSPACE_PROVIDER", "pool", "PROVIDER"},
		{"WORKSPACE_SECRET_ARN", "", "ARN"},
		{"TOPIC", "postroom", "arn:aws:sns:"},
		{"SWEEP", "30s", "1m to 24h"},
		{"SWEEP", "48h", "1m to 24h"},
		{"SWEEP", "15", "1m to 24h"},
		{"STALE", "20m", "1h to 168h"},
		{"STALE", "10080m", ""},
		{"STALE", "60", "1h to 168h"},
		{"STACK", "post room", "ASCII"},
		{"LOG_LEVEL", "verbose", "debug, info, warn or error"},
		{"SIMULATED_GRAPH", "http://127.0.0.1:9000/v1.0", ""},
		{"SIMULATED_GRAPH", "http://[::1]:9000", ""},
		{"SIMULATED_GMAIL", "http://localhost:9000/", ""},
		{"SIMULATED_GRAPH", "http://graph.contoso.com", "this machine"},
		{"SIMULATED_GRAPH", "http://localhost.contoso.com", "this machine"},
		{"SIMULATED_GRAPH", "http://127.0.0.1.contoso.com", "this machine"},
		{"SIMULATED_GMAIL", "http://127.0.0.1@contoso.com/", "this machine"},
		{"SIMULATED_GMAIL", "http://10.0.0.1/", "this machine"},
		{"SIMULATED_GMAIL", "//127.0.0.1/", "this machine"},
		{"SIMULATED_EXCHANGE", "https://outlook.office365.com", "this machine"},
		{"SIMULATED_WORKSPACE", "http://127.0.0.1:9000/", ""},
		{"SIMULATED_KEYS", "https://contoso.com/keys", "this machine"},
	} {
		_, err := allSet.with(tt.name, tt.value).deployment()
		switch {
		case err == nil && tt.want == "":
		case err == nil || tt.want == "":
			t.Errorf("%s=%q: the error is %v, want one with %q", tt.name, tt.value, err, tt.want)
		case !strings.Contains(err.Error(), "POSTROOM_") || !strings.Contains(err.Error(), tt.want):
			t.Errorf("%s=%q: %q lacks the variable or %q", tt.name, tt.value, err, tt.want)
		case strings.Contains(err.Error(), hidden):
			t.Errorf("%s: the error shows the value: %v", tt.name, err)
		case strings.Contains(err.Error(), "\n"):
			t.Errorf("%s=%q: one variable, several problems: %v", tt.name, tt.value, err)
		}
	}
}

func TestDeploymentTellsAllProblemsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := vars{"TABLE": "!", "QUEUE": "x", "SWEEP": "soon", "STACK": "a b"}.deployment()
	for _, name := range []string{"POSTROOM_TABLE", "POSTROOM_QUEUE", "POSTROOM_SWEEP", "POSTROOM_STACK"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestEachFunctionNeedsItsOwn(t *testing.T) {
	t.Parallel()
	pushed := vars{"TABLE": "postroom", "QUEUE": allSet["QUEUE"], "GOOGLE_SUBSCRIPTION": subscription, "GOOGLE_PUSH_ACCOUNT": account, "GOOGLE_AUDIENCE": "postroom"}
	full := vars{"TABLE": "postroom", "QUEUE": allSet["QUEUE"], "MANIFEST": "ssm:/postroom"}
	for _, tt := range []struct {
		function string
		vars     vars
		want     []string
	}{
		{"ingest", vars{"TABLE": "postroom", "QUEUE": allSet["QUEUE"]}, nil},
		{"ingest", vars{}, []string{"POSTROOM_TABLE", "POSTROOM_QUEUE"}},
		{"ingest", pushed, nil},
		{"ingest", pushed.with("GOOGLE_PUSH_ACCOUNT", ""), []string{"POSTROOM_GOOGLE_PUSH_ACCOUNT"}},
		{"ingest", pushed.with("GOOGLE_SUBSCRIPTION", ""), []string{"POSTROOM_GOOGLE_SUBSCRIPTION"}},
		{"ingest", pushed.with("GOOGLE_AUDIENCE", ""), []string{"POSTROOM_GOOGLE_AUDIENCE", "POSTROOM_URL"}},
		{"ingest", pushed.with("GOOGLE_AUDIENCE", "").with("URL", siteURL), nil},
		{"sync", full, nil},
		{"tick", full, nil},
		{"sync", full.with("MANIFEST", ""), []string{"POSTROOM_MANIFEST"}},
		{"tick", vars{}, []string{"POSTROOM_TABLE", "POSTROOM_QUEUE", "POSTROOM_MANIFEST"}},
		{"provision", vars{}, []string{"POSTROOM_TABLE", "POSTROOM_MANIFEST", "POSTROOM_TOPIC"}},
		{"provision", vars{"TABLE": "postroom", "MANIFEST": "ssm:/postroom", "TOPIC": allSet["TOPIC"]}, nil},
		{"console", vars{}, nil},
	} {
		d, err := tt.vars.deployment()
		if err != nil {
			t.Fatal(err)
		}
		err = d.Check(tt.function)
		if (err == nil) != (len(tt.want) == 0) {
			t.Errorf("%s with %v: %v", tt.function, tt.vars, err)
		}
		for _, part := range tt.want {
			if err != nil && !strings.Contains(err.Error(), part) {
				t.Errorf("%s with %v: %q lacks %q", tt.function, tt.vars, err, part)
			}
		}
	}
}

// TestDeploymentPage holds docs/deploy.md to the variables that are read, and those to the comments of
// the struct, which are what a reader of the code goes by.
func TestDeploymentPage(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	if _, err := boot.LoadDeployment(func(name string) string { read[name] = true; return "" }); err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "deployment.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if field, ok := n.(*ast.Field); ok && field.Comment != nil {
			name, _, _ := strings.Cut(strings.TrimSpace(field.Comment.Text()), ":")
			said[name] = true
		}
		return true
	})
	if !maps.Equal(read, said) {
		t.Errorf("read are\n%v\nand the comments say\n%v", slices.Sorted(maps.Keys(read)), slices.Sorted(maps.Keys(said)))
	}
	page, err := os.ReadFile("../../docs/deploy.md")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("docs/deploy.md is not written yet")
	}
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, name := range regexp.MustCompile("`(POSTROOM_[A-Z_]+)`").FindAllStringSubmatch(string(page), -1) {
		listed[name[1]] = true
	}
	for name := range read {
		if !listed[name] && !strings.HasPrefix(name, "POSTROOM_SIMULATED_") { // those are for tests
			t.Errorf("docs/deploy.md does not name %s", name)
		}
	}
	for name := range listed {
		if !read[name] {
			t.Errorf("docs/deploy.md names %s, which nothing reads", name)
		}
	}
}
