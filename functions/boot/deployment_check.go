package boot

import (
	"errors"
	"fmt"
)

// Check tells what a function needs and lacks, all at once; every one but "console" needs something. ingest asks for
// nothing of the credentials: it never reaches a tenant, and its role could not read a secret.
func (d Deployment) Check(function string) error {
	var problems []error
	needs := func(name, value, what string) {
		if value == "" {
			problems = append(problems, fmt.Errorf("POSTROOM_%s is not set: set it to %s", name, what))
		}
	}
	switch function {
	case "ingest", "sync", "tick":
		needs("TABLE", d.Table, "the name of the DynamoDB table")
		needs("QUEUE", d.Queue, "the URL of the SQS FIFO queue")
	}
	switch function {
	case "ingest":
		if d.GoogleSubscription != "" || d.GooglePushAccount != "" {
			needs("GOOGLE_SUBSCRIPTION", d.GoogleSubscription, "the push subscription's full name, projects/PROJECT/subscriptions/SUBSCRIPTION; POSTROOM_GOOGLE_PUSH_ACCOUNT is nothing without it")
			needs("GOOGLE_PUSH_ACCOUNT", d.GooglePushAccount, "the service account that signs the pushes; POSTROOM_GOOGLE_SUBSCRIPTION is nothing without it")
			needs("GOOGLE_AUDIENCE", d.Audience(), "the push subscription's audience, or set POSTROOM_URL where that is the hook's URL")
		}
	case "provision":
		needs("TABLE", d.Table, "the name of the DynamoDB table")
		needs("MANIFEST", d.Manifest, "where the manifest is, s3://BUCKET/KEY or ssm:/NAME")
		needs("TOPIC", d.Topic, "the ARN of the SNS topic that is told of drift")
	case "sync", "tick":
		needs("MANIFEST", d.Manifest, "where the manifest is, s3://BUCKET/KEY or ssm:/NAME")
	}
	return errors.Join(problems...)
}
