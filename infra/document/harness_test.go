package document_test

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/smithy-go/logging"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/document"
	"github.com/postroom/postroom/infra/document/documentsim"
)

const (
	object    = "s3://config/teams/postroom.yaml"
	parameter = "ssm:/postroom/manifest"
)

// account is a simulator behind a socket, with the SDK's clients to it.
type account struct {
	testing.TB
	sim        *documentsim.Sim
	objects    *s3.Client
	parameters *ssm.Client
}

func newAccount(t testing.TB) *account {
	t.Helper()
	a := &account{TB: t, sim: &documentsim.Sim{}}
	server := httptest.NewServer(a.sim)
	t.Cleanup(server.Close)
	config := aws.Config{
		Region: "us-east-1", BaseEndpoint: &server.URL,
		Credentials:                credentials.NewStaticCredentialsProvider("id", "secret", ""),
		Retryer:                    func() aws.Retryer { return aws.NopRetryer{} },
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported, // as config.LoadDefaultConfig sets it
		Logger: logging.LoggerFunc(func(_ logging.Classification, format string, v ...any) {
			t.Errorf("the SDK writes into the log: "+format, v...)
		}),
	}
	a.objects = s3.NewFromConfig(config) // at an address without a name it writes the bucket into the path
	a.parameters = ssm.NewFromConfig(config)
	return a
}

func (a *account) must(err error) {
	a.Helper()
	if err != nil {
		a.Fatal(err)
	}
}

func (a *account) open(uri string) *document.Document {
	a.Helper()
	d, err := document.Open(uri, a.objects, a.parameters)
	a.must(err)
	return d
}

// latest reads and checks the content; "-" is none, because the version is still have.
func (a *account) latest(d *document.Document, have, want string) (version string) {
	a.Helper()
	version, content, err := d.Latest(a.Context(), have)
	a.must(err)
	got := string(content)
	if content == nil {
		got = "-"
	}
	if got != want || (want == "-") != (version == have) {
		a.Fatalf("Latest(%q) is %q, %q; want %q", have, version, got, want)
	}
	return version
}

func (a *account) at(d *document.Document, version, want string) {
	a.Helper()
	content, err := d.At(a.Context(), version)
	a.must(err)
	if string(content) != want {
		a.Errorf("At(%q) is %q, want %q", version, content, want)
	}
}

// permanent holds that err is for somebody to mend, and says all of want.
func permanent(t testing.TB, err error, want ...string) {
	t.Helper()
	var p *pipeline.Permanent
	if !errors.As(err, &p) || p.Fix == "" {
		t.Errorf("error %v is not *Permanent with a fix", err)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "operation error") {
		t.Errorf("error %v tells of the request", err)
	}
}
