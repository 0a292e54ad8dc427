package boot

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Metrics writes metrics as CloudWatch's embedded metric format: lines of the log that CloudWatch Logs reads numbers out
// of, so no function calls CloudWatch and none needs a permission for it. AWS has libraries for it in other languages and
// none in Go. The rules are those of "Specification: Embedded metric format" in the CloudWatch user guide.
//
// The dimensions are always the stack and the function, never the mailbox: each set of values of dimensions is a
// metric of its own, paid by the month. A mailbox is a plain property of the line, which Logs Insights can search for.
type Metrics struct {
	W        io.Writer // takes one line a Write
	Stack    string
	Function string
	Now      func() time.Time
}

// Metric names what is measured; the alarms and the dashboard of the templates go by these names.
type Metric string

// The metrics. Those without a unit in their name are counts.
const (
	MetricHints                 Metric = "Hints"             // ingest, tick: hints put into the queue; sync: hints taken out
	MetricRefused               Metric = "Refused"           // ingest: notifications with a wrong secret, pushes with a bad token
	MetricHookFailures          Metric = "HookFailures"      // ingest: requests answered 5xx, which Lambda counts as no error
	MetricSyncs                 Metric = "Syncs"             // syncs that came to their end
	MetricSyncFailures          Metric = "SyncFailures"      // syncs that did not, also those throttled
	MetricMessages              Metric = "Messages"          // new messages that joined a conversation
	MetricDecisions             Metric = "Decisions"         // events committed
	MetricActions               Metric = "Actions"           // markers set on messages
	MetricRetries               Metric = "Retries"           // syncs of hints that had been handed out before
	MetricOldestHintSeconds     Metric = "OldestHintSeconds" // age of a batch's oldest hint when its sync begins
	MetricProviderRequests      Metric = "ProviderRequests"  // HTTP requests sent to a provider; a Graph batch is one
	MetricThrottles             Metric = "Throttles"         // syncs that the provider asked to come back later
	MetricPermanentFailures     Metric = "PermanentFailures" // syncs that fail until somebody acts
	MetricManifestRefused       Metric = "ManifestRefused"   // looks at a newest manifest that cannot be used
	MetricDriftSteps            Metric = "DriftSteps"        // provision: differences between the tenants and the manifest
	MetricPlanFailures          Metric = "PlanFailures"      // provision: what a look for drift could not read; 1 where that was all
	MetricStalestMailboxMinutes Metric = "StalestMailboxMinutes"
	MetricCredentialLapseDays   Metric = "CredentialLapseDays"
	MetricWatchLapseHours       Metric = "WatchLapseHours"
)

// unit is the metric's unit in CloudWatch's words. It has none for days, hours and minutes.
func (m Metric) unit() string {
	switch m {
	case MetricOldestHintSeconds:
		return "Seconds"
	case MetricStalestMailboxMinutes, MetricCredentialLapseDays, MetricWatchLapseHours:
		return "None"
	}
	return "Count"
}

// Values are the metrics of one line; several values of one metric become a distribution, at most 100 of them.
type Values map[Metric][]float64

// Add adds n to a metric that is a count.
func (v Values) Add(m Metric, n int) {
	if n == 0 {
		return
	}
	if len(v[m]) == 0 {
		v[m] = []float64{0}
	}
	v[m][0] += float64(n)
}

// Observe adds one more value of a metric. Values after the hundredth are left out.
func (v Values) Observe(m Metric, value float64) {
	if len(v[m]) < maxValues {
		v[m] = append(v[m], value)
	}
}

// maxValues is how many values a metric of one line may have.
const maxValues = 100

// Write writes one line with all values, and properties beside them, such as the mailbox. Values without any metric
// write nothing.
func (m *Metrics) Write(v Values, properties map[string]string) error {
	if len(v) == 0 {
		return nil
	}
	type definition struct {
		Name Metric
		Unit string
	}
	line := map[string]any{}
	for name, value := range properties {
		line[name] = value
	}
	line["Stack"], line["Function"] = m.Stack, m.Function
	definitions := make([]definition, 0, len(v))
	for _, name := range slices.Sorted(maps.Keys(v)) {
		definitions = append(definitions, definition{name, name.unit()})
		if values := v[name]; len(values) == 1 {
			line[string(name)] = values[0]
		} else {
			line[string(name)] = values
		}
	}
	line["_aws"] = map[string]any{
		"Timestamp": m.Now().UnixMilli(),
		"CloudWatchMetrics": []any{map[string]any{
			"Namespace": "Postroom", "Dimensions": [][]string{{"Stack", "Function"}}, "Metrics": definitions,
		}},
	}
	b, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	_, err = m.W.Write(append(b, '\n'))
	return err
}
