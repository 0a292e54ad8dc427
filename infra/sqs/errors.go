package sqs

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/postroom/postroom/core/pipeline"
)

// throttleDelay is what we wait when SQS is too busy for us: it never says for how long, and by then the SDK has backed
// off a few times itself.
const throttleDelay = 5 * time.Second

// typed tells throttling and what somebody must mend from other failures of a request that needs the permission action.
func (q *Queue) typed(action string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	code := api.ErrorCode()
	permanent := func(fix string) error {
		return &pipeline.Permanent{What: "SQS refuses " + action + " on " + q.URL, Fix: fix, Err: cause(api)}
	}
	switch code {
	case "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "InvalidAddress":
		return permanent("set POSTROOM_QUEUE to the URL of the queue in this account and region, or deploy the stack again")
	case "AccessDenied", "AccessDeniedException", "InvalidSecurity":
		return permanent("allow " + action + " on the queue to the function's role")
	case "KMS.AccessDeniedException", "KmsAccessDenied":
		return permanent("allow kms:GenerateDataKey and kms:Decrypt on the queue's key to the function's role")
	case "KMS.DisabledException", "KMS.InvalidStateException", "KMS.NotFoundException", "KMS.InvalidKeyUsageException", "KMS.OptInRequired",
		"KmsDisabled", "KmsInvalidState", "KmsNotFound", "KmsInvalidKeyUsage", "KmsOptInRequired":
		return permanent("enable the queue's KMS key again, or give the queue another")
	case "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException", "SignatureDoesNotMatch":
		return permanent("run with credentials of the function's role that are valid now")
	}
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok || code == "OverLimit" || code == "KMS.ThrottlingException" || code == "KmsThrottled" {
		return &pipeline.Throttled{After: throttleDelay, What: fmt.Sprintf("SQS %s (%s)", action, code)}
	}
	return err
}

// cause is an API error without the SDK's account of the request around it.
func cause(api smithy.APIError) error {
	return fmt.Errorf("%s: %s", api.ErrorCode(), api.ErrorMessage())
}
