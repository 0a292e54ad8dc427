package identity_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google/externalaccount"

	"github.com/postroom/postroom/core/coretest/clock"
	"github.com/postroom/postroom/infra/identity"
)

const provider = "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws/providers/postroom"

// proof is a subject token, read as Google reads it.
type proof struct {
	URL, Method string
	Headers     []struct{ Key, Value string }
}

func readProof(t *testing.T, token string) (proof, map[string]string) {
	t.Helper()
	text, err := url.QueryUnescape(token)
	if err != nil {
		t.Fatal(err)
	}
	var p proof
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	for _, h := range p.Headers {
		headers[strings.ToLower(h.Key)] = h.Value
	}
	return p, headers
}

// library is Google's own maker of subject tokens.
type library struct{ aws.Credentials }

func (library) AwsRegion(context.Context, externalaccount.SupplierOptions) (string, error) {
	return "eu-central-1", nil
}

func (l library) AwsSecurityCredentials(context.Context, externalaccount.SupplierOptions) (*externalaccount.AwsSecurityCredentials, error) {
	return &externalaccount.AwsSecurityCredentials{AccessKeyID: l.AccessKeyID, SecretAccessKey: l.SecretAccessKey, SessionToken: l.SessionToken}, nil
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The proof is what Google's own library makes of the same credentials at the same moment, signature included.
func TestProofIsThatOfGooglesLibrary(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	held, err := a.held().Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var sent string
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, err
		}
		sent = form.Get("subject_token")
		return &http.Response{StatusCode: 200, Header: http.Header{}, Request: r,
			Body: io.NopCloser(strings.NewReader(`{"access_token":"a","token_type":"Bearer","expires_in":3600}`))}, nil
	})
	source, err := externalaccount.NewTokenSource(context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: wire}), externalaccount.Config{
		Audience: provider, SubjectTokenType: "urn:ietf:params:aws:token-type:aws4_request", AwsSecurityCredentialsSupplier: library{held},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(); err != nil {
		t.Fatal(err)
	}
	theirs, their := readProof(t, sent)
	at, err := time.Parse("20060102T150405Z", their["x-amz-date"])
	if err != nil {
		t.Fatal(err)
	}

	token, err := identity.Caller{Credentials: a.held(), Region: "eu-central-1", Now: func() time.Time { return at }}.Proof(t.Context(), provider)
	if err != nil {
		t.Fatal(err)
	}
	ours, our := readProof(t, token)
	if ours.URL != theirs.URL || ours.Method != theirs.Method {
		t.Errorf("%s %s, want %s %s", ours.Method, ours.URL, theirs.Method, theirs.URL)
	}
	// Theirs separates the parts of the header in the same way, so that even its text is the same.
	if !maps.Equal(our, their) {
		t.Errorf("the headers are\n%v, want\n%v", our, their)
	}
	if strings.Contains(token, secretKey) {
		t.Error("the proof holds the secret key")
	}
}

// rotating are credentials that change, as Lambda's do.
type rotating struct{ n int }

func (r *rotating) Retrieve(context.Context) (aws.Credentials, error) {
	r.n++
	if r.n > 2 {
		return aws.Credentials{}, errors.New("the endpoint of the credentials does not answer")
	}
	return aws.Credentials{AccessKeyID: strings.Repeat("A", r.n), SecretAccessKey: secretKey}, nil
}

func TestProofTakesTheCredentialsOfTheMoment(t *testing.T) {
	t.Parallel()
	c := identity.Caller{Credentials: &rotating{}, Region: "us-east-1", Now: clock.At(nine).Now}
	for _, want := range []string{"Credential=A/20261103/us-east-1/sts/", "Credential=AA/20261103/us-east-1/sts/"} {
		token, err := c.Proof(t.Context(), provider)
		if err != nil {
			t.Fatal(err)
		}
		_, headers := readProof(t, token)
		if !strings.Contains(headers["authorization"], want) || headers["x-goog-cloud-target-resource"] != provider || headers["host"] != "sts.us-east-1.amazonaws.com" {
			t.Errorf("%v, want %q", headers, want)
		}
		if _, ok := headers["x-amz-security-token"]; ok {
			t.Error("there is no session token to send")
		}
	}
	if _, err := c.Proof(t.Context(), provider); err == nil || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("without credentials: %v", err)
	}
	if _, err := (identity.Caller{Credentials: &rotating{}}).Proof(t.Context(), provider); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
}
