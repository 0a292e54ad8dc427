package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/infra/document/documentsim"
)

// cloud is as much of AWS as is needed to refuse things: every service at one address, that answers no more than it is told.
type cloud struct {
	*testing.T
	documents documentsim.Sim
	tenants   string // where the simulated ones are

	mu      sync.Mutex
	refuses map[string]string   // error code by service: "DynamoDB", "SQS"
	calls   map[string][]string // bodies by "Service.Action"
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{T: t, refuses: map[string]string{}, calls: map[string][]string{}}
	c.documents.SetBucket("manifests", documentsim.Enabled)
	c.put(twoMailboxes)
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	world, err := boot.Simulate(parse(t, twoMailboxes), boot.SimulationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/v1.0/", world.Graph)
	mux.Handle("/gmail/v1/", world.Gmail)
	tenants := httptest.NewServer(mux)
	t.Cleanup(tenants.Close)
	c.tenants = tenants.URL
	for _, name := range os.Environ() { // nothing of this machine's own
		if name, _, _ := strings.Cut(name, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret",
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	return c
}

func (c *cloud) put(text string) {
	c.Helper()
	if _, err := c.documents.Put("manifests", "postroom.yaml", []byte(text)); err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	target, json10 := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
	service := "DynamoDB"
	if !json10 {
		service = "SQS"
		if target, json10 = strings.CutPrefix(target, "AmazonSQS."); !json10 {
			c.documents.ServeHTTP(w, r)
			return
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[service+"."+target] = append(c.calls[service+"."+target], string(body))
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	status, answer := http.StatusOK, `{}` // there is nothing, and everything is taken
	if code := c.refuses[service]; code != "" {
		status, answer = http.StatusBadRequest, fmt.Sprintf(`{"__type":"com.amazonaws.x#%s","message":"refused on purpose"}`, code)
	}
	w.Header().Set("X-Amz-Crc32", fmt.Sprint(crc32.ChecksumIEEE([]byte(answer))))
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

// function is a function in that cloud, for simulated tenants.
func (c *cloud) function(name string) (*boot.Function, *bytes.Buffer) {
	c.Helper()
	out := &bytes.Buffer{}
	v := vars{
		"TABLE": "postroom", "QUEUE": os.Getenv("AWS_ENDPOINT_URL") + "/123456789012/postroom.fifo", "MANIFEST": "s3://manifests/postroom.yaml",
		"SIMULATED_GRAPH": c.tenants + "/v1.0", "SIMULATED_GMAIL": c.tenants, "STACK": "postroom-eu",
	}
	f, err := boot.NewFunction(name, func(name string) string { return v[strings.TrimPrefix(name, "POSTROOM_")] }, out, time.Now)
	if err != nil {
		c.Fatal(err)
	}
	return f, out
}

// delays are for how long SQS was told to keep messages back, in seconds.
func (c *cloud) delays() (list []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, body := range c.calls["SQS.ChangeMessageVisibilityBatch"] {
		var in struct {
			Entries []struct{ VisibilityTimeout int }
		}
		if err := json.Unmarshal([]byte(body), &in); err != nil {
			c.Error(err)
		}
		for _, e := range in.Entries {
			list = append(list, e.VisibilityTimeout)
		}
	}
	return list
}

// errorLines are the lines at level ERROR.
func errorLines(log string) (list []string) {
	for line := range strings.Lines(log) {
		if strings.Contains(line, `"level":"ERROR"`) {
			list = append(list, line)
		}
	}
	return list
}

// TestOutagesOfAWS: what a deployment can get wrong on AWS's side gives one clear line a mailbox or an invocation, in every
// function that it concerns, and the hints come again.
func TestOutagesOfAWS(t *testing.T) {
	for _, tt := range []struct {
		name    string
		broken  func(*cloud)
		ingest  []string // what the line of ingest says; nil: ingest does its work
		sync    []string
		tick    []string
		refused float64 // ManifestRefused, of sync
	}{
		{
			"a table that does not exist", func(c *cloud) { c.refuses["DynamoDB"] = "ResourceNotFoundException" },
			[]string{"table postroom does not exist", "POSTROOM_TABLE"},
			[]string{"table postroom does not exist", "POSTROOM_TABLE", support},
			[]string{"table postroom does not exist", "POSTROOM_TABLE"}, 0,
		}, {
			"a table that may not be used", func(c *cloud) { c.refuses["DynamoDB"] = "AccessDeniedException" },
			[]string{"table postroom", "role"}, []string{"table postroom", "role", support}, []string{"table postroom", "role"}, 0,
		}, {
			"a manifest that may not be read", func(c *cloud) { c.documents.Deny("s3:GetObject") },
			nil, []string{"s3://manifests/postroom.yaml", "s3:GetObject", "role", support}, []string{"s3://manifests/postroom.yaml", "s3:GetObject"}, 0,
		}, {
			"a manifest that is not there", func(c *cloud) { c.documents.Delete("manifests", "postroom.yaml") },
			nil, []string{"s3://manifests/postroom.yaml", "aws s3 cp", support}, []string{"s3://manifests/postroom.yaml", "aws s3 cp"}, 0,
		}, {
			"a manifest with an error", func(c *cloud) { c.put(misspelt) },
			nil, []string{"s3://manifests/postroom.yaml", place, "leest-loaded", support}, []string{place, "leest-loaded"}, 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCloud(t)
			tt.broken(c)
			ctx := context.Background()
			says := func(log *bytes.Buffer, parts []string) {
				t.Helper()
				lines := errorLines(log.String())
				if len(lines) != min(len(parts), 1) {
					t.Errorf("%d lines: %s", len(lines), log)
				}
				for _, part := range parts {
					if len(lines) > 0 && !strings.Contains(lines[0], part) {
						t.Errorf("the line lacks %q: %s", part, lines[0])
					}
				}
			}

			f, log := c.function("ingest")
			in, err := boot.OpenIngest(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			body := `{"version":"2.0","rawPath":"/hooks/graph","body":"{\"value\":[{\"subscriptionId\":\"x\",\"clientState\":\"y\"}]}","requestContext":{"http":{"method":"POST"}}}`
			answer, err := in.Invoke(ctx, []byte(body))
			if want := map[bool]string{true: `"statusCode":202`, false: `"statusCode":503`}[tt.ingest == nil]; err != nil || !strings.Contains(string(answer), want) {
				t.Errorf("ingest answers %s, %v", answer, err)
			}
			says(log, tt.ingest)

			f, log = c.function("sync")
			s, err := boot.OpenSync(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			out, err := s.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{received("1", support, "graph", 0, 1)}})
			if err != nil || len(out.BatchItemFailures) != 1 || !slices.Equal(c.delays(), []int{60}) {
				t.Errorf("sync: %v, %v; delays %v", out, err, c.delays())
			}
			says(log, tt.sync)
			measured := readMetrics(t, log.String())
			if sum(measured, "PermanentFailures") != 1 || sum(measured, "ManifestRefused") != tt.refused {
				t.Errorf("measured: %s", log)
			}

			f, log = c.function("tick")
			minute, err := boot.OpenTick(ctx, f)
			if err != nil {
				t.Fatal(err)
			}
			if err := minute.Handle(ctx); err == nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("tick: %v", err)
			}
			says(log, tt.tick)
			if sum(readMetrics(t, log.String()), "PermanentFailures") < 1 {
				t.Errorf("measured: %s", log)
			}
		})
	}
}

// TestReservedFunctionsSayThatTheyAre: they answer, and fail for nobody.
func TestReservedFunctionsSayThatTheyAre(t *testing.T) {
	var out bytes.Buffer
	f, err := boot.NewFunction("console", func(string) string { return "" }, &out, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.Reserved(context.Background())
	b, _ := json.Marshal(got)
	if err != nil || string(b) != `{"reserved":true}` || !strings.Contains(out.String(), "later version") {
		t.Errorf("%s, %v: %s", b, err, &out)
	}
}

// TestFunctionTellsAllThatItLacks: what is misspelt and what is missing in one go.
func TestFunctionTellsAllThatItLacks(t *testing.T) {
	_, err := boot.NewFunction("sync", func(name string) string { return vars{"POSTROOM_SWEEP": "soon"}[name] }, io.Discard, time.Now)
	for _, name := range []string{"POSTROOM_SWEEP", "POSTROOM_TABLE", "POSTROOM_QUEUE", "POSTROOM_MANIFEST"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
