package identity

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// noBody is the SHA-256 of nothing, in hexadecimal.
const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

// Caller proves to Google which AWS role this process has. Its credentials come from the SDK's own chain and are asked for
// each time: Lambda gives them in the environment, with SnapStart by a local endpoint, and changes them meanwhile.
type Caller struct {
	Credentials aws.CredentialsProvider
	Region      string           // such as eu-central-1
	Now         func() time.Time // time.Now if nil
}

// Format shows where the proof is for, and no credentials, whatever the verb.
func (c Caller) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "the AWS role in %s", c.Region) }

// header is one header of the signed request, as Google's Security Token Service reads it.
type header struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Proof is a subject token of the type urn:ietf:params:aws:token-type:aws4_request: a signed request of
// sts:GetCallerIdentity that Google sends in our place to learn the role ("Workload Identity Federation with other
// clouds", AWS). audience is the provider's full name, //iam.googleapis.com/projects/…; it is signed along, so that the
// proof is worth nothing to another provider. It sends nothing itself, and AWS takes it for fifteen minutes at most.
func (c Caller) Proof(ctx context.Context, audience string) (string, error) {
	const what = "identity: prove the AWS role to Google"
	if c.Region == "" {
		return "", fmt.Errorf("%s: %w", what, errors.New("the AWS region is not known: set AWS_REGION"))
	}
	held, err := c.Credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("%s: find the AWS credentials: %w", what, err)
	}
	now := c.Now
	if now == nil {
		now = time.Now
	}
	host := "sts." + c.Region + ".amazonaws.com"
	// Google's own libraries write this URL, without a path, and Google calls no other one.
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+host+"?Action=GetCallerIdentity&Version=2011-06-15", nil)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	req.Header.Set("X-Goog-Cloud-Target-Resource", audience)
	if err := v4.NewSigner().SignHTTP(ctx, held, req, noBody, "sts", c.Region, now()); err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	signed := struct {
		URL     string   `json:"url"`
		Method  string   `json:"method"`
		Headers []header `json:"headers"`
	}{req.URL.String(), req.Method, []header{{"host", host}}}
	for key, values := range req.Header {
		for _, value := range values {
			signed.Headers = append(signed.Headers, header{strings.ToLower(key), value})
		}
	}
	slices.SortFunc(signed.Headers, func(a, b header) int { return strings.Compare(a.Key, b.Key) })
	text, err := json.Marshal(signed)
	if err != nil {
		return "", fmt.Errorf("%s: %w", what, err)
	}
	return url.QueryEscape(string(text)), nil
}
