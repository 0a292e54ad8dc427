package graphsim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/providers/fault"
	"github.com/postroom/postroom/providers/msgraph/graphsim"
)

const (
	support = "support@contoso.com"
	api     = "https://graph.microsoft.com/v1.0"
)

var (
	noon      = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	immutable = map[string]string{"Prefer": `IdType="ImmutableId"`}
)

// tenant is a simulator with one mailbox and a clock that the test moves.
type tenant struct {
	*graphsim.Sim
	t     *testing.T
	now   time.Time
	trips *fault.Transport
	http  *http.Client
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	tn := &tenant{t: t, now: noon}
	tn.Sim = &graphsim.Sim{Now: func() time.Time { return tn.now }, Dial: &fault.Dial{}}
	tn.trips = &fault.Transport{Handler: checked(t, tn.Sim)}
	tn.http = &http.Client{Transport: tn.trips}
	if err := tn.AddMailbox(graphsim.Mailbox{Address: support, Name: "Contoso Support"}); err != nil {
		t.Fatal(err)
	}
	return tn
}

// answer is one response with its body decoded.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    []byte
}

func (a answer) value() []map[string]any {
	var out []map[string]any
	list, _ := a.body["value"].([]any)
	for _, x := range list {
		out = append(out, x.(map[string]any))
	}
	return out
}

// at follows a path of members such as "error.code".
func (a answer) at(path string) any {
	var v any = a.body
	for name := range strings.SplitSeq(path, "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func (a answer) code() string {
	s, _ := a.at("error/code").(string)
	return s
}

// call makes a request; target is a path below the version or a whole URL, body
// a value to send as JSON or nil.
func (tn *tenant) call(method, target string, body any, header map[string]string) answer {
	tn.t.Helper()
	a, err := tn.try(method, target, body, header)
	if err != nil {
		tn.t.Fatal(err)
	}
	return a
}

func (tn *tenant) try(method, target string, body any, header map[string]string) (answer, error) {
	if !strings.Contains(target, "://") {
		target = api + target
	}
	var r io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		r = bytes.NewReader(b)
	}
	req, err := http.NewRequest(method, target, r)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := tn.http.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		return a, err
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(a.raw, &a.body); err != nil {
			return a, fmt.Errorf("the answer to %s %s is no JSON: %w\n%s", method, target, err, a.raw)
		}
	}
	return a, nil
}

// want fails unless the answer has a status.
func (tn *tenant) want(status int, method, target string, body any, header map[string]string) answer {
	tn.t.Helper()
	a := tn.call(method, target, body, header)
	if a.status != status {
		tn.t.Fatalf("%s %s = %d, want %d\n%s", method, target, a.status, status, a.raw)
	}
	return a
}

// email is a small mail; refs are Message-IDs it answers.
func email(n int, from, subject string, refs ...string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "From: %s\r\nTo: Support <%s>\r\nSubject: %s\r\nMessage-ID: <m%d@customer.test>\r\nDate: Mon, 04 May 2026 11:59:00 +0000\r\n", from, support, subject, n)
	if len(refs) > 0 {
		fmt.Fprintf(&b, "In-Reply-To: %s\r\nReferences: %s\r\n", refs[len(refs)-1], strings.Join(refs, " "))
	}
	b.WriteString("Content-Type: text/plain; charset=utf-8\r\n\r\nHello, mail number " + fmt.Sprint(n) + ".\r\n")
	return []byte(b.String())
}

// receive delivers a mail and returns its immutable id.
func (tn *tenant) receive(n int, from, subject string, refs ...string) string {
	tn.t.Helper()
	id, err := tn.Receive(support, email(n, from, subject, refs...))
	if err != nil {
		tn.t.Fatal(err)
	}
	return id
}

func (tn *tenant) do(err error) {
	tn.t.Helper()
	if err != nil {
		tn.t.Fatal(err)
	}
}

const inboxDelta = "/users/" + support + "/mailFolders/inbox/messages/delta"

// read follows a delta to its end: items by id in order, "-id" for removed ones,
// and the deltaLink.
func (tn *tenant) read(target string, header map[string]string) (ids []string, link string) {
	tn.t.Helper()
	for range 10_000 {
		a := tn.want(200, "GET", target, nil, header)
		for _, item := range a.value() {
			id := item["id"].(string)
			if item["@removed"] != nil {
				id = "-" + id
			}
			ids = append(ids, id)
		}
		if link, ok := a.body["@odata.deltaLink"].(string); ok {
			return ids, link
		}
		target = a.body["@odata.nextLink"].(string)
	}
	tn.t.Fatal("the delta does not end")
	return nil, ""
}

// sendText posts a text/plain body and returns the status.
func (tn *tenant) sendText(target, body string) int {
	tn.t.Helper()
	resp, err := tn.http.Post(api+target, "text/plain", strings.NewReader(body))
	if err != nil {
		tn.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
