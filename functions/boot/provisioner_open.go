package boot

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/postroom/postroom/core/manifest"
	"github.com/postroom/postroom/core/provision"
)

// OpenProvision makes the handler of the provision function.
func OpenProvision(ctx context.Context, f *Function) (*Provisioner, error) {
	d := f.Deployment
	s, err := d.Services(ctx, f.Now)
	if err != nil {
		return nil, err
	}
	credentials := s.Credentials()
	manifests, err := s.Manifests(f, credentials)
	if err != nil {
		return nil, err
	}
	answers := &CloudFormation{
		Client: &http.Client{Timeout: 10 * time.Second}, Wait: Wait, Local: d.SimulatedExchange != "" || d.SimulatedWorkspace != "",
	}
	return &Provisioner{
		Manifests: manifests, Administers: d.Administers,
		Estate: func(m *manifest.Manifest, want []provision.Mailbox) (*provision.Estate, error) {
			ways, err := credentials.Administrations(AdministrationOptions{Want: want, Mark: m.Mark(), Now: f.Now, Wait: Wait})
			if err != nil {
				return nil, err
			}
			estate := ways.Estate()
			return &estate, nil
		},
		Records: s.Table, Journal: s.Table.Provision(), Locks: s.Table.Provision(),
		Publish: s.publish, Again: s.invokeAgain, Answer: answers.Put,
		Now: f.Now, Wait: Wait, Log: f.Log, Metrics: f.Metrics, Stack: d.Stack,
	}, nil
}

// publish tells whoever has subscribed to the deployment's topic.
func (s *Services) publish(ctx context.Context, subject, text string) error {
	client := sns.NewFromConfig(s.config)
	_, err := client.Publish(ctx, &sns.PublishInput{TopicArn: &s.deployment.Topic, Subject: &subject, Message: &text})
	if err != nil {
		return fmt.Errorf("publish to %s: %w", s.deployment.Topic, err)
	}
	return nil
}

// invokeAgain invokes the function that runs here once more.
func (s *Services) invokeAgain(ctx context.Context, event []byte) error {
	client := lambda.NewFromConfig(s.config)
	_, err := client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(lambdacontext.FunctionName), InvocationType: lambdatypes.InvocationTypeEvent, Payload: event,
	})
	if err != nil {
		return fmt.Errorf("invoke %s once more: %w", lambdacontext.FunctionName, err)
	}
	return nil
}
