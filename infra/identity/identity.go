// Package identity is how a process on AWS proves who it is to the vendors, and where it reads the secrets of those that
// take no such proof.
//
// [WebIdentity] is a token of the function's role, signed by AWS, that Entra takes in place of a client secret: no secret
// exists. [Caller] is the same for Google's workload identity federation, which takes a signed but unsent call of
// sts:GetCallerIdentity. [Secret] reads a certificate, a client secret or a service-account key from Secrets Manager.
//
// What only an administrator can put right comes back as *pipeline.Permanent and says how. No error and no printed value
// holds a token or a secret.
package identity

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/smithy-go"

	"github.com/postroom/postroom/core/pipeline"
)

// maxErrorText bounds what of AWS's own words is passed on, in bytes.
const maxErrorText = 300

// fix says what to do about a refusal with one of these codes.
type fix struct {
	codes []string
	text  string
}

// denied are the codes with which the services refuse what the role does not allow ("Common Error Types").
var denied = []string{"AccessDenied", "AccessDeniedException"}

// explain makes *pipeline.Permanent of a refusal that one of the fixes is for, and wraps any other error.
func explain(what string, err error, fixes ...fix) error {
	var refused smithy.APIError
	if !errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", what, err)
	}
	answer := fmt.Errorf("%s: %s", refused.ErrorCode(), clip(refused.ErrorMessage()))
	for _, f := range fixes {
		for _, code := range f.codes {
			if strings.EqualFold(code, refused.ErrorCode()) {
				return &pipeline.Permanent{What: what, Err: answer, Fix: f.text}
			}
		}
	}
	return fmt.Errorf("%s: %w", what, err)
}

func clip(s string) string {
	if len(s) <= maxErrorText {
		return s
	}
	return strings.ToValidUTF8(s[:maxErrorText], "") + "…"
}
