package identity_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/infra/identity"
)

const arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:graph-AbCdEf"

func TestSecret(t *testing.T) {
	t.Parallel()
	a := newAmazon(t)
	binary := string([]byte{0x30, 0x82, 0, 0xff, '\n'})
	a.secrets = map[string]map[string]any{
		arn:            {"ARN": arn, "SecretString": clientSecret},
		arn + "binary": {"ARN": arn, "SecretBinary": base64.StdEncoding.EncodeToString([]byte(binary))},
		arn + "empty":  {"ARN": arn, "SecretString": ""},
	}
	for name, want := range map[string]string{arn: clientSecret, arn + "binary": binary} {
		if got, err := identity.Secret(t.Context(), a.secretsManager(), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	got, err := identity.Secret(t.Context(), a.secretsManager(), arn+"empty")
	var permanent *pipeline.Permanent
	if !errors.As(err, &permanent) || !strings.Contains(err.Error(), arn) || permanent.Fix == "" {
		t.Errorf("an empty secret: %q, %v", got, err)
	}
}

func TestSecretRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code, message string
		status        int
		fix           string
	}{
		{"AccessDeniedException", "User: arn:aws:sts::123456789012:assumed-role/postroom-sync/postroom-sync is not authorized to perform: secretsmanager:GetSecretValue on resource: " + arn, 400, "secretsmanager:GetSecretValue on " + arn},
		{"AccessDeniedException", "Access to KMS is not allowed", 400, "kms:Decrypt"},
		{"ResourceNotFoundException", "Secrets Manager can't find the specified secret.", 400, "create it"},
		{"InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.", 400, "restore-secret"},
		{"DecryptionFailure", "Secrets Manager can't decrypt the protected secret text using the provided KMS key.", 400, "KMS key"},
		{"ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters", 400, "ARN"},
		{"ThrottlingException", "Rate exceeded", 400, ""},
		{"InternalServiceError", "", 500, ""},
	} {
		t.Run(c.code+" "+c.fix, func(t *testing.T) {
			t.Parallel()
			a := newAmazon(t)
			a.secrets = map[string]map[string]any{arn: {"SecretString": clientSecret}}
			a.refuse(c.status, c.code, c.message)
			_, err := identity.Secret(t.Context(), a.secretsManager(), arn)
			var permanent *pipeline.Permanent
			switch is := errors.As(err, &permanent); {
			case err == nil:
				t.Fatal("no error")
			case is != (c.fix != ""):
				t.Errorf("%v: permanent %t", err, is)
			case is && !strings.Contains(permanent.Fix, c.fix):
				t.Errorf("%v, want %q", err, c.fix)
			case !strings.Contains(err.Error(), arn) || !strings.Contains(err.Error(), c.code):
				t.Errorf("%v: the ARN or the code is missing", err)
			case strings.Contains(err.Error(), secretKey) || len(err.Error()) > 1200:
				t.Errorf("%v: too much is said", err)
			}
		})
	}
}
