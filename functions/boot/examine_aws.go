package boot

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/postroom/postroom/core/provision"
)

// TableDescriber is what [TableCheck] needs of DynamoDB's client.
type TableDescriber interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeContinuousBackups(context.Context, *dynamodb.DescribeContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error)
}

// TableCheck looks whether a deployment's table is there and can be restored to a point in time.
func TableCheck(client TableDescriber, table string) Check {
	return Check{Names: []string{CheckTable}, Look: func(ctx context.Context) []provision.Finding {
		f := provision.Finding{Check: CheckTable, Verdict: provision.Bad}
		out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
		if missing := (*dynamotypes.ResourceNotFoundException)(nil); errors.As(err, &missing) {
			f.Says = fmt.Sprintf("there is no table %s", table)
			f.Fix = "name the stack's table and its region: --table, AWS_REGION; or deploy the stack (docs/deploy.md)"
			return one(f)
		}
		if err != nil {
			return one(unseen(f, "dynamodb:DescribeTable", err))
		}
		if status := out.Table.TableStatus; status != dynamotypes.TableStatusActive && status != dynamotypes.TableStatusUpdating {
			f.Says, f.Fix = fmt.Sprintf("the table %s is %s", table, status), "wait until it is ACTIVE; an archived one has lost its key: see docs/operations.md"
			return one(f)
		}
		backups, err := client.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: &table})
		if err != nil {
			return one(unseen(f, "dynamodb:DescribeContinuousBackups", err))
		}
		d := backups.ContinuousBackupsDescription
		if d == nil || d.PointInTimeRecoveryDescription == nil || d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus != dynamotypes.PointInTimeRecoveryStatusEnabled {
			f.Verdict, f.Says = provision.Warning, fmt.Sprintf("the table %s cannot be restored to a point in time", table)
			f.Fix = "aws dynamodb update-continuous-backups --table-name " + table + " --point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
			return one(f)
		}
		f.Verdict, f.Says = provision.Good, fmt.Sprintf("the table %s is there and can be restored to a point in time", table)
		return one(f)
	}}
}

// QueueDescriber is what [QueueCheck] needs of SQS's client.
type QueueDescriber interface {
	GetQueueUrl(context.Context, *sqs.GetQueueUrlInput, ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error)
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput, ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// QueueCheck looks whether a deployment's queue of hints is there, and whether hints have been put aside.
func QueueCheck(client QueueDescriber, queue string) Check {
	return Check{Names: []string{CheckQueue}, Look: func(ctx context.Context) []provision.Finding {
		f := provision.Finding{Check: CheckQueue, Verdict: provision.Bad}
		name := path.Base(queue)
		if u, err := url.Parse(queue); err == nil {
			name = path.Base(u.Path)
		}
		attributes, err := queueAttributes(ctx, client, queue)
		if missing := (*sqstypes.QueueDoesNotExist)(nil); errors.As(err, &missing) {
			f.Says, f.Fix = fmt.Sprintf("there is no queue %s", name), "give the URL of the stack's queue and its region: --queue, AWS_REGION; or deploy the stack (docs/deploy.md)"
			return one(f)
		}
		if err != nil {
			return one(unseen(f, "sqs:GetQueueAttributes", err))
		}
		waiting := attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessages)]
		dead, err := deadLetters(ctx, client, attributes[string(sqstypes.QueueAttributeNameRedrivePolicy)])
		switch {
		case errors.Is(err, errNoRedrive):
			f.Verdict, f.Says, f.Fix = provision.Warning, fmt.Sprintf("the queue %s puts nothing aside: a hint that always fails comes again for days", name), "deploy the stack again: its template sets a RedrivePolicy"
		case err != nil:
			return one(unseen(f, "sqs:GetQueueAttributes", err))
		case dead > 0:
			f.Says, f.Fix = fmt.Sprintf("%d hints that failed 20 times have been put aside", dead), "find out why the mailbox fails, then send them back: docs/operations.md#deadletters"
		default:
			f.Verdict, f.Says = provision.Good, fmt.Sprintf("the queue %s is there; %s waiting, none put aside", name, waiting)
		}
		return one(f)
	}}
}

func queueAttributes(ctx context.Context, client QueueDescriber, queue string) (map[string]string, error) {
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameRedrivePolicy,
	}})
	if err != nil {
		return nil, err
	}
	return out.Attributes, nil
}

var errNoRedrive = errors.New("the queue has no redrive policy")

// deadLetters counts what waits in the queue that a redrive policy names.
func deadLetters(ctx context.Context, client QueueDescriber, policy string) (int, error) {
	_, after, found := strings.Cut(policy, `"deadLetterTargetArn"`)
	parts := strings.SplitN(after, `"`, 3)
	if !found || len(parts) < 3 {
		return 0, errNoRedrive
	}
	name, err := arn.Parse(parts[1])
	if err != nil {
		return 0, fmt.Errorf("the redrive policy: %w", err)
	}
	at, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name.Resource})
	if err != nil {
		return 0, err
	}
	attributes, err := queueAttributes(ctx, client, aws.ToString(at.QueueUrl))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessages)])
}

// AlarmDescriber is what [AlarmsCheck] needs of CloudWatch's client.
type AlarmDescriber = cloudwatch.DescribeAlarmsAPIClient

// AlarmsCheck looks which of a stack's alarms ring. Their names begin with the stack's.
func AlarmsCheck(client AlarmDescriber, stack string) Check {
	return Check{Names: []string{CheckAlarms}, Look: func(ctx context.Context) (all []provision.Finding) {
		prefix := stack + "-"
		pages := cloudwatch.NewDescribeAlarmsPaginator(client, &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: &prefix})
		quiet := 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return one(unseen(provision.Finding{Check: CheckAlarms, Verdict: provision.Bad}, "cloudwatch:DescribeAlarms", err))
			}
			for _, a := range page.MetricAlarms {
				if a.StateValue != watchtypes.StateValueAlarm {
					quiet++
					continue
				}
				name := aws.ToString(a.AlarmName)
				short := strings.TrimPrefix(name, prefix)
				all = append(all, provision.Finding{
					Check: CheckAlarms, Verdict: provision.Bad, Says: fmt.Sprintf("the alarm %s rings: %s", name, aws.ToString(a.StateReason)),
					Fix: "docs/operations.md#" + strings.ToLower(short),
				})
			}
		}
		switch {
		case len(all) > 0:
			return all
		case quiet == 0:
			return one(provision.Finding{Check: CheckAlarms, Verdict: provision.Bad, Says: fmt.Sprintf("the stack %s has no alarms", stack),
				Fix: "give the stack's name and its region: --stack, AWS_REGION; or deploy it again (docs/deploy.md)"})
		}
		return one(provision.Finding{Check: CheckAlarms, Verdict: provision.Good, Says: fmt.Sprintf("no alarm of %s rings, of %d", stack, quiet)})
	}}
}

// unseen is a finding for what AWS does not let us look at.
func unseen(f provision.Finding, permission string, err error) provision.Finding {
	f.Verdict, f.Says = provision.Skipped, "AWS does not tell: "+err.Error()
	if api := smithy.APIError(nil); errors.As(err, &api) {
		f.Says = fmt.Sprintf("AWS does not tell: %s: %s", api.ErrorCode(), api.ErrorMessage())
		if strings.Contains(api.ErrorCode(), "AccessDenied") {
			f.Fix = "allow " + permission + " to whoever runs doctor"
		}
	}
	return f
}
