package boot_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/functions/boot"
)

// embedded is one line in CloudWatch's embedded metric format.
type embedded struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct {
				Name, Unit        string
				StorageResolution int
			}
		}
	} `json:"_aws"`
	root map[string]json.RawMessage
}

// readMetrics takes the lines of metrics out of a log and holds each to "Specification: Embedded metric format".
func readMetrics(t testing.TB, log string) (list []embedded) {
	t.Helper()
	for line := range strings.Lines(log) {
		if !strings.Contains(line, `"_aws"`) {
			continue
		}
		var e embedded
		d := json.NewDecoder(strings.NewReader(line))
		if err := d.Decode(&e); err != nil || json.Unmarshal([]byte(line), &e.root) != nil {
			t.Fatalf("no JSON object: %s", line)
		}
		if d.More() || !strings.HasSuffix(line, "}\n") || len(line) > 256<<10 {
			t.Errorf("more than one object in a line, or too much: %s", line)
		}
		if e.AWS.Timestamp <= 0 || len(e.AWS.CloudWatchMetrics) == 0 {
			t.Errorf("no time or no metrics: %s", line)
		}
		for _, m := range e.AWS.CloudWatchMetrics {
			if m.Namespace != "Postroom" || len(m.Metrics) == 0 || len(m.Metrics) > 100 {
				t.Errorf("namespace %q with %d metrics: %s", m.Namespace, len(m.Metrics), line)
			}
			if len(m.Dimensions) != 1 || !slices.Equal(m.Dimensions[0], []string{"Stack", "Function"}) {
				t.Errorf("dimensions %v", m.Dimensions)
			}
			for _, set := range m.Dimensions {
				for _, d := range set {
					if value := ""; json.Unmarshal(e.root[d], &value) != nil || value == "" || len(value) > 1024 {
						t.Errorf("the dimension %s is no string of the root: %s", d, line)
					}
				}
			}
			seen := map[string]bool{}
			for _, def := range m.Metrics {
				if seen[def.Name] || !slices.Contains([]string{"Count", "Seconds", "None"}, def.Unit) || def.StorageResolution != 0 {
					t.Errorf("metric %+v, twice or with a unit that CloudWatch does not have", def)
				}
				seen[def.Name] = true
				if values := e.values(def.Name); len(values) == 0 || len(values) > 100 {
					t.Errorf("%s has %d values", def.Name, len(values))
				}
			}
		}
		list = append(list, e)
	}
	return list
}

// values are those of a metric, none if the line does not have it.
func (e embedded) values(name string) (list []float64) {
	var one float64
	if json.Unmarshal(e.root[name], &one) == nil {
		return []float64{one}
	}
	json.Unmarshal(e.root[name], &list)
	return list
}

// sum adds a metric up over all lines.
func sum(list []embedded, name string) (total float64) {
	for _, e := range list {
		for _, v := range e.values(name) {
			total += v
		}
	}
	return total
}

func newMetrics(w *bytes.Buffer) *boot.Metrics {
	return &boot.Metrics{W: w, Stack: "postroom-eu", Function: "sync", Now: func() time.Time { return time.UnixMilli(1767225600123) }}
}

func TestMetricsLine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	v := boot.Values{}
	v.Add(boot.MetricMessages, 2)
	v.Add(boot.MetricMessages, 1)
	v.Add(boot.MetricRetries, 0) // nothing to say
	v.Observe(boot.MetricOldestHintSeconds, 1.5)
	v.Observe(boot.MetricOldestHintSeconds, 0.25)
	if err := newMetrics(&b).Write(v, map[string]string{"mailbox": support}); err != nil {
		t.Fatal(err)
	}
	const want = `{"Function":"sync","Messages":3,"OldestHintSeconds":[1.5,0.25],"Stack":"postroom-eu",` +
		`"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stack","Function"]],"Metrics":[{"Name":"Messages","Unit":"Count"},{"Name":"OldestHintSeconds","Unit":"Seconds"}],"Namespace":"Postroom"}],"Timestamp":1767225600123},` +
		`"mailbox":"support@contoso.com"}` + "\n"
	if b.String() != want {
		t.Errorf("got  %swant %s", b.String(), want)
	}
	if list := readMetrics(t, b.String()); len(list) != 1 {
		t.Errorf("%d lines", len(list))
	}
}

func TestMetricsKeepToTheLimits(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	m := newMetrics(&b)
	if err := m.Write(boot.Values{}, map[string]string{"mailbox": support}); err != nil || b.Len() > 0 {
		t.Errorf("nothing to measure, and written is %q, %v", b.String(), err)
	}
	v := boot.Values{}
	for n := range 250 {
		v.Observe(boot.MetricOldestHintSeconds, float64(n))
	}
	// A property cannot take the place of what CloudWatch goes by.
	if err := m.Write(v, map[string]string{"Stack": "mallory", "_aws": "x", "Function": "", "OldestHintSeconds": "x"}); err != nil {
		t.Fatal(err)
	}
	list := readMetrics(t, b.String())
	if len(list) != 1 || len(list[0].values("OldestHintSeconds")) != 100 || string(list[0].root["Stack"]) != `"postroom-eu"` {
		t.Errorf("written: %s", b.String())
	}
}

func TestRequestsAreCountedByContext(t *testing.T) {
	t.Parallel()
	fails := errors.New("no connection")
	transport := boot.CountRequests(roundTrip(func(*http.Request) (*http.Response, error) { return nil, fails }))
	ctx, n := boot.WithTally(context.Background())
	other, m := boot.WithTally(context.Background())
	for _, c := range []context.Context{ctx, ctx, other, context.Background()} {
		r, err := http.NewRequestWithContext(c, http.MethodGet, "http://127.0.0.1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := transport.RoundTrip(r); !errors.Is(err, fails) {
			t.Error(err)
		}
	}
	if n.Load() != 2 || m.Load() != 1 {
		t.Errorf("counted %d and %d", n.Load(), m.Load())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
