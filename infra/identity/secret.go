package identity

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/postroom/postroom/core/pipeline"
)

// SecretsManager is what is called of the client of AWS Secrets Manager.
type SecretsManager interface {
	GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error)
}

// Secret reads the current version of a secret, text or binary. It may be repeated; it is not cached here. Secrets Manager
// decrypts with the KMS key that the secret names, so that with a key of the customer's own the role needs kms:Decrypt
// on it too.
func Secret(ctx context.Context, client SecretsManager, arn string) ([]byte, error) {
	what := "identity: read the secret " + arn
	out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(arn)})
	if err != nil {
		return nil, explain(what, err,
			fix{denied, fmt.Sprintf("allow the function's role secretsmanager:GetSecretValue on %s, and kms:Decrypt if a KMS key of your own encrypts it", arn)},
			fix{[]string{"ResourceNotFoundException"}, "there is no such secret in this account and region, or it has no value: create it, or correct the ARN that the deployment names"},
			fix{[]string{"InvalidRequestException"}, "the secret is to be deleted: restore it with `aws secretsmanager restore-secret`, or name another one"},
			fix{[]string{"DecryptionFailure", "DecryptionFailureException"}, "enable the KMS key that encrypts the secret, and allow the function's role kms:Decrypt on it"},
			fix{[]string{"InvalidParameterException", "ValidationException"}, "write the ARN of a Secrets Manager secret"},
		)
	}
	switch {
	case aws.ToString(out.SecretString) != "":
		return []byte(aws.ToString(out.SecretString)), nil
	case len(out.SecretBinary) > 0:
		return out.SecretBinary, nil
	}
	return nil, &pipeline.Permanent{What: what, Err: errors.New("it is empty"), Fix: "store its value as a new version of that secret"}
}
