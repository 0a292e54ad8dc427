package boot_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/functions/boot"
)

// bucket stands for CloudFormation's.
type bucket struct {
	*httptest.Server
	statuses []int // of the next answers; then 200
	got      []string
	header   http.Header
}

func newBucket(t *testing.T, statuses ...int) *bucket {
	b := &bucket{statuses: statuses}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.got, b.header = append(b.got, r.Method+" "+r.URL.String()+" "+string(body)), r.Header
		if len(b.statuses) > 0 {
			status := b.statuses[0]
			b.statuses = b.statuses[1:]
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func answers(local bool) (*boot.CloudFormation, *[]time.Duration) {
	var waited []time.Duration
	return &boot.CloudFormation{Client: http.DefaultClient, Local: local, Wait: func(_ context.Context, d time.Duration) error {
		waited = append(waited, d)
		return nil
	}}, &waited
}

func TestAnswerIsPut(t *testing.T) {
	t.Parallel()
	b := newBucket(t, 503, 500)
	c, waited := answers(true)
	if err := c.Put(t.Context(), b.URL+"/answer?Signature=a%2Bb", []byte(`{"Status":"SUCCESS"}`)); err != nil {
		t.Fatal(err)
	}
	if len(b.got) != 3 || b.got[2] != `PUT /answer?Signature=a%2Bb {"Status":"SUCCESS"}` || len(*waited) != 2 {
		t.Errorf("got %q after %v", b.got, *waited)
	}
	if kind, ok := b.header["Content-Type"]; ok {
		t.Errorf("a Content-Type of %q, which the signature does not have", kind)
	}
}

func TestAnswerThatIsRefused(t *testing.T) {
	t.Parallel()
	for status, tries := range map[int]int{403: 1, 307: 1, 503: 6} {
		b := newBucket(t, status, status, status, status, status, status, status)
		c, _ := answers(true)
		err := c.Put(t.Context(), b.URL+"/answer?Signature=hush", nil)
		if err == nil || strings.Contains(err.Error(), "hush") || len(b.got) != tries {
			t.Errorf("%d: %v after %d tries, want %d", status, err, len(b.got), tries)
		}
	}
	b := newBucket(t)
	b.Close()
	c, _ := answers(true)
	if err := c.Put(t.Context(), b.URL+"/answer?Signature=hush", nil); err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("nobody is there: %v", err)
	}
}

// Whoever may invoke the function must not have it send things anywhere.
func TestAnswersGoToCloudFormationOnly(t *testing.T) {
	t.Parallel()
	var asked []string
	c, _ := answers(false)
	c.Client = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = append(asked, r.URL.Host)
		return &http.Response{StatusCode: 200, Status: "200 OK", Body: http.NoBody}, nil
	})}
	for url, allowed := range map[string]bool{
		"https://cloudformation-custom-resource-response-eucentral1.s3.eu-central-1.amazonaws.com/arn%3Aaws?Signature=x": true,
		"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x":                                     true,
		"https://cloudformation-custom-resource-response-cnnorth1.s3.cn-north-1.amazonaws.com.cn/x":                      true,
		"https://cloudformation-custom-resource-response-uswest2.s3-us-west-2.amazonaws.com/x":                           true,
		"https://cloudformation-custom-resource-response-eucentral1.s3.dualstack.eu-central-1.amazonaws.com/x":           true,
		"https://cloudformation-custom-resource-response-euscdeeast1.s3.eusc-de-east-1.amazonaws.eu/x":                   true,
		"https://cloudformation-custom-resource-response-useast1.s3-website-us-east-1.amazonaws.com/x":                   false,
		"https://cloudformation-custom-resource-response-useast1.s3.evil.eu-central-1.amazonaws.com/x":                   false,
		"https://cloudformation-custom-resource-response-useast1.s3.us-east-1.amazonaws.com.eu/x":                        false,
		"http://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x":                                      false,
		"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com:8443/x":                                false,
		"https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com.evil.example/x":                        false,
		"https://somebody.s3.amazonaws.com/x":                                                                            false,
		"https://evil.example/cloudformation-custom-resource-response-useast1.s3.amazonaws.com":                          false,
		"https://u:p@cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x":                                 false,
		"http://127.0.0.1:8080/x":                  false,
		"http://169.254.169.254/latest/meta-data/": false,
		"file:///etc/passwd":                       false,
		"::":                                       false,
		"":                                         false,
	} {
		asked = nil
		err := c.Put(t.Context(), url, []byte("{}"))
		if (err == nil) != allowed || (len(asked) > 0) != allowed {
			t.Errorf("%s: %v, asked %v", url, err, asked)
		}
	}
}

// FuzzProvisionEvent: whatever the function is invoked with, it says what is wrong or does what it is asked to; an answer to
// CloudFormation is one that CloudFormation takes.
func FuzzProvisionEvent(f *testing.F) {
	for _, seed := range []string{
		`{"do": "plan"}`, `{"do": "apply", "plan": "00"}`, `{"source": "aws.scheduler"}`, `[]`, `{"do": 5}`,
		request("Create", "c1", "", jobs(nil)), request("Delete", "d", "jobs@contoso.com", nil),
		request("Create", "c1", "", jobs(map[string]any{"Agents": strings.Repeat("\u202eä\x00", 3000)})),
		request("Update", "c1", strings.Repeat("é", 2000), jobs(map[string]any{"Rules": []any{map[string]any{"when": 7}}})),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, event string) {
		b := newBranch(t)
		b.Administers = func(inbox.Provider) bool { return false } // so that nothing is changed
		_, err := b.handle(event)
		if err != nil && len(err.Error()) > 4000 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
		for _, body := range b.answers {
			var a toldBack
			if json.Unmarshal(body, &a) != nil || len(body) > 4096 || a.Status == "" || strings.ContainsAny(a.Reason, "\r\n\x00") {
				t.Errorf("an answer of %d bytes: %s", len(body), body)
			}
		}
	})
}
