package engine

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// Meter stands before an engine and counts what DynamoDB would charge for the calls that go through it. Serve it over HTTP
// and give its address as the endpoint, to a client in this process or to programs of their own (AWS_ENDPOINT_URL_DYNAMODB).
//
// It counts what the engine reports as ConsumedCapacity, which follows AWS's rules: an item's size before and after,
// whichever is larger, in whole KB; twice that in a transaction; what an index has to be changed by; 4 KB a strongly
// consistent read unit. A write whose condition fails is charged too, but not reported: it counts here by the size of
// what it would have written.
type Meter struct {
	proxy *httputil.ReverseProxy
	mu    sync.Mutex
	count Count
}

// Count is what went through a Meter.
type Count struct {
	WriteUnits, ReadUnits float64
	Requests              map[string]int // by operation
	Transactions          int            // TransactWriteItems, also those that were cancelled
	TransactionItems      int
	FailedConditions      int // writes that did nothing because a condition failed
}

// NewMeter counts what goes to the engine at that endpoint.
func NewMeter(endpoint string) (*Meter, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return nil, err
	}
	m := &Meter{count: Count{Requests: map[string]int{}}}
	m.proxy = httputil.NewSingleHostReverseProxy(u)
	m.proxy.Transport = metered{m, &http.Transport{MaxIdleConnsPerHost: 64}}
	m.proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
		w.WriteHeader(http.StatusBadGateway) // the caller has gone, as one that is killed does, or the engine has
	}
	return m, nil
}

// ServeHTTP passes one call on.
func (m *Meter) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.proxy.ServeHTTP(w, r) }

// Take gives what has been counted since the last Take, and begins anew.
func (m *Meter) Take() Count {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.count
	m.count = Count{Requests: map[string]int{}}
	return c
}

// metered is the transport to the engine.
type metered struct {
	*Meter
	next http.RoundTripper
}

// wireRequest is what matters of a call.
type wireRequest struct {
	Item          wireItem
	TransactItems []struct {
		Put    *struct{ Item wireItem }
		Update *struct{ ExpressionAttributeValues wireItem }
	}
}

// wireAnswer is what matters of an answer.
type wireAnswer struct {
	Type             string `json:"__type"`
	ConsumedCapacity json.RawMessage
}

type wireItem map[string]map[string]json.RawMessage

func (t metered) RoundTrip(r *http.Request) (*http.Response, error) {
	_, op, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	body, asked := t.ask(body)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	res, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	t.note(op, asked, answer)
	return res, nil
}

// ask lets a call ask for what it consumes.
func (t metered) ask(body []byte) ([]byte, wireRequest) {
	var asked wireRequest
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil || json.Unmarshal(body, &asked) != nil {
		return body, asked
	}
	all["ReturnConsumedCapacity"] = json.RawMessage(`"TOTAL"`)
	if changed, err := json.Marshal(all); err == nil {
		body = changed
	}
	return body, asked
}

func (t metered) note(op string, asked wireRequest, answer []byte) {
	var a wireAnswer
	if json.Unmarshal(answer, &a) != nil {
		return
	}
	units := capacity(a.ConsumedCapacity)
	t.mu.Lock()
	defer t.mu.Unlock()
	c := &t.count
	c.Requests[op]++
	if op == "TransactWriteItems" {
		c.Transactions++
		c.TransactionItems += len(asked.TransactItems)
	}
	switch op {
	case "GetItem", "BatchGetItem", "Query":
		c.ReadUnits += units
		return
	}
	c.WriteUnits += units
	if strings.HasSuffix(a.Type, "ConditionalCheckFailedException") || strings.HasSuffix(a.Type, "TransactionCanceledException") {
		c.FailedConditions++
		c.WriteUnits += refused(asked)
	}
}

// capacity is the sum of a report: one object, or one for each table.
func capacity(report json.RawMessage) float64 {
	type units struct{ CapacityUnits float64 }
	var one units
	if json.Unmarshal(report, &one) == nil {
		return one.CapacityUnits
	}
	var all []units
	sum := 0.0
	if json.Unmarshal(report, &all) == nil {
		for _, u := range all {
			sum += u.CapacityUnits
		}
	}
	return sum
}

// refused is what a write costs that a condition kept from being done.
func refused(r wireRequest) float64 {
	if len(r.TransactItems) == 0 {
		return kilobytes(r.Item)
	}
	sum := 0.0
	for _, it := range r.TransactItems {
		switch {
		case it.Put != nil:
			sum += 2 * kilobytes(it.Put.Item)
		default:
			sum += 2
		}
	}
	return sum
}

func kilobytes(it wireItem) float64 {
	n := 0
	for name, value := range it {
		n += len(name)
		for kind, raw := range value {
			var s string
			_ = json.Unmarshal(raw, &s)
			switch kind {
			case "B":
				n += base64.StdEncoding.DecodedLen(len(s))
			case "N":
				n += len(s)/2 + 1
			default:
				n += len(s)
			}
		}
	}
	return math.Max(1, math.Ceil(float64(n)/1024))
}
