package boot

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/postroom/postroom/infra/document"
	"github.com/postroom/postroom/infra/dynamo"
	"github.com/postroom/postroom/infra/sqs"
)

const (
	// awsTimeout bounds one try of a request to AWS. They take milliseconds; one that takes this long is tried again on
	// another connection while there is time.
	awsTimeout = 5 * time.Second
	// awsConnections are kept to each of AWS's services: a batch has ten mailboxes, and tick reads many at once.
	awsConnections = 40
)

// Services are a deployment's parts on AWS. Making them sends nothing: what is wrong with one is told by its first use.
type Services struct {
	deployment Deployment
	config     aws.Config
	now        func() time.Time

	Table *dynamo.Table
	Queue *sqs.Queue
}

// Services makes them with the function's own credentials and region. AWS_ENDPOINT_URL and its kin lead the clients
// elsewhere, as they do all of AWS's tools.
func (d Deployment) Services(ctx context.Context, now func() time.Time) (*Services, error) {
	client := awshttp.NewBuildableClient().WithTimeout(awsTimeout).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = awsConnections
	})
	// The SDK's own lines are no JSON, and say nothing that its errors do not.
	c, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client), config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("the AWS SDK's configuration: %w", err)
	}
	return &Services{
		deployment: d, config: c, now: now,
		Table: dynamo.Open(dynamodb.NewFromConfig(c), d.Table, dynamo.Options{Now: now}),
		Queue: &sqs.Queue{Client: sdksqs.NewFromConfig(c), URL: d.Queue},
	}, nil
}

// Manifests reads the deployment's manifest. It sends nothing.
func (s *Services) Manifests(f *Function, credentials *Credentials) (*Manifests, error) {
	d, err := document.Open(s.deployment.Manifest, s3.NewFromConfig(s.config), ssm.NewFromConfig(s.config))
	if err != nil {
		return nil, fmt.Errorf("POSTROOM_MANIFEST: %w", err)
	}
	return &Manifests{
		Document: d, Records: s.Table, Name: s.deployment.Manifest, Clients: credentials.Clients, Now: s.now, Log: f.Log,
	}, nil
}

// Credentials are the deployment's at the vendors.
func (s *Services) Credentials() *Credentials {
	return s.deployment.Credentials(Sources{
		Secrets: secretsmanager.NewFromConfig(s.config), STS: sts.NewFromConfig(s.config), AWS: s.config.Credentials, Region: s.config.Region,
		Transport: CountRequests(nil), Now: s.now,
	})
}
