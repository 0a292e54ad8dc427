package boot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// cloudFormationAnswer is what CloudFormation waits for ("Custom resource response objects").
type cloudFormationAnswer struct {
	Status             string
	Reason             string `json:",omitempty"`
	PhysicalResourceId string
	StackId            string
	RequestId          string
	LogicalResourceId  string
	NoEcho             bool           `json:",omitempty"`
	Data               map[string]any `json:",omitempty"`
}

const (
	// maxReason and the bounds of what else is in it keep an answer under the 4,096 bytes that CloudFormation takes.
	maxReason   = 1000
	maxResponse = 4096
)

// answer makes the answer to a request.
func (e *resourceEvent) answer(physical string, failure error, data map[string]any) ([]byte, error) {
	a := cloudFormationAnswer{
		Status: "SUCCESS", PhysicalResourceId: physical, StackId: e.StackId, RequestId: e.RequestId, LogicalResourceId: e.LogicalResourceId, Data: data,
	}
	if failure != nil {
		a.Status, a.Reason, a.Data = "FAILED", reasonText(failure), nil
	}
	for {
		b, err := json.Marshal(a)
		if err != nil || len(b) <= maxResponse {
			return b, err
		}
		if len(a.Reason) == 0 {
			return nil, fmt.Errorf("the answer has %d bytes, and CloudFormation takes %d", len(b), maxResponse)
		}
		a.Reason = strings.ToValidUTF8(a.Reason[:len(a.Reason)*3/4], "")
	}
}

// reasonText is an error in one line, as the events of the stack show it.
func reasonText(err error) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(oneLine(err), "�"))
	if len(s) > maxReason {
		s = strings.ToValidUTF8(s[:maxReason-3], "") + "…"
	}
	return s
}

// awsResponses is where CloudFormation has answers put: buckets of its own in each region, by any of S3's names for them
// ("Amazon S3 endpoints"), in the partitions that have CloudFormation under these domains.
var awsResponses = regexp.MustCompile(`^cloudformation-custom-resource-[a-z0-9-]+\.s3(\.|[.-][a-z]{2,4}-[a-z0-9-]+\.|\.dualstack\.[a-z]{2,4}-[a-z0-9-]+\.)amazonaws\.(com|com\.cn|eu)$`).MatchString

// CloudFormation puts answers where CloudFormation wants them. The URL holds a signature, so it is in no error and no log.
type CloudFormation struct {
	Client *http.Client
	// Local lets answers go to this machine too, where simulated tenants are.
	Local bool
	Wait  func(ctx context.Context, d time.Duration) error
}

// answerTries is how often an answer is put, with a pause that doubles from a second on.
const answerTries = 6

// Put puts an answer. It may be repeated: the same object is written.
func (c *CloudFormation) Put(ctx context.Context, raw string, body []byte) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.User != nil:
		return errors.New("the ResponseURL is no URL")
	case c.Local && loopback(u.Scheme+"://"+u.Host):
	case u.Scheme != "https" || u.Port() != "" || !awsResponses(u.Host):
		return errors.New("the ResponseURL is not one of CloudFormation's buckets, so nothing is sent there")
	}
	for try := range answerTries {
		if try > 0 {
			if err := c.Wait(ctx, time.Second<<(try-1)); err != nil {
				return err
			}
		}
		var again bool
		if again, err = c.put(ctx, u, body); err == nil || !again {
			return err
		}
	}
	return err
}

func (c *CloudFormation) put(ctx context.Context, u *url.URL, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, u.String(), bytes.NewReader(body))
	if err != nil {
		return false, errors.New("the ResponseURL is no URL")
	}
	// Without a Content-Type, for the signature is over an empty one.
	client := *c.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(req)
	if err != nil {
		if cause := (*url.Error)(nil); errors.As(err, &cause) {
			err = cause.Err // without the URL
		}
		return true, fmt.Errorf("answer CloudFormation: %w", err)
	}
	resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return resp.StatusCode >= 500 || resp.StatusCode == http.StatusTooManyRequests, fmt.Errorf("answer CloudFormation: %s", resp.Status)
	}
	return false, nil
}
