package boot_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	watchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/postroom/postroom/core/inbox"
	"github.com/postroom/postroom/core/memory"
	"github.com/postroom/postroom/core/pipeline"
	"github.com/postroom/postroom/core/provision"
	"github.com/postroom/postroom/functions/boot"
	"github.com/postroom/postroom/functions/web"
)

var examined = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

func atExamined() time.Time { return examined }

// finds takes one check's look and holds its first finding against the verdict and parts of what it says and advises.
func finds(t *testing.T, c boot.Check, verdict provision.Verdict, says, fix string) {
	t.Helper()
	got := boot.Examine(t.Context(), []boot.Check{c}, nil)
	if len(got) == 0 {
		t.Fatal("nothing was found")
	}
	f := got[0]
	if f.Verdict != verdict || !strings.Contains(f.Says, says) || !strings.Contains(f.Fix, fix) {
		t.Errorf("found %s %q, fix %q; want %s …%s…, fix …%s…", f.Verdict, f.Says, f.Fix, verdict, says, fix)
	}
	if fix == "" && f.Fix != "" && f.Verdict == provision.Good {
		t.Errorf("what is good has the fix %q", f.Fix)
	}
	if len(c.Names) == 0 || f.Check != c.Names[0] {
		t.Errorf("the finding is named %q, the check %q", f.Check, c.Names)
	}
}

// TestHookIsAsked: what stands between Graph and the process may break the handshake in many ways.
func TestHookIsAsked(t *testing.T) {
	t.Parallel()
	real, err := web.Mux(&web.Graph{Watches: &memory.Watches{}, Hints: &memory.Queue{}, Now: atExamined}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		hook    http.Handler
		verdict provision.Verdict
		says    string
	}{
		"the hook itself": {real, provision.Good, "answers Graph's handshake"},
		"a proxy that drops the query": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = ""
			real.ServeHTTP(w, r)
		}), provision.Bad, "answers 400"},
		"a proxy that decodes twice": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.ReplaceAll(r.URL.Query().Get("validationToken"), " ", "+"))
		}), provision.Bad, "something else than its token"},
		"a page": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, r.URL.Query().Get("validationToken"))
		}), provision.Bad, "not as text/plain"},
		"a proxy for one of the paths": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != web.GraphPath {
				http.NotFound(w, r)
				return
			}
			real.ServeHTTP(w, r)
		}), provision.Bad, web.GraphLifecyclePath + " answers 404"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := httptest.NewServer(test.hook)
			t.Cleanup(at.Close)
			finds(t, boot.HookCheck(at.Client(), at.URL, strings.NewReader(strings.Repeat("x", 99))), test.verdict, test.says, "")
		})
	}
	closed := httptest.NewServer(real)
	closed.Close()
	finds(t, boot.HookCheck(http.DefaultClient, closed.URL, strings.NewReader(strings.Repeat("x", 99))), provision.Bad, "cannot be reached", "POSTROOM_URL")
	finds(t, boot.HookCheck(http.DefaultClient, "", nil), provision.Skipped, "polled", "")
}

func TestClockIsCompared(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ahead   time.Duration
		verdict provision.Verdict
		says    string
	}{
		{0, provision.Good, "agrees"},
		{999 * time.Millisecond, provision.Good, "agrees"}, // a Date is exact to the second
		{59 * time.Second, provision.Good, "agrees"},
		{-59 * time.Second, provision.Good, "agrees"},
		{2 * time.Minute, provision.Warning, "1m59s fast"},
		{-2 * time.Minute, provision.Warning, "2m0s slow"},
		{6 * time.Minute, provision.Bad, "fast: tokens and signatures are refused"},
		{-6 * time.Minute, provision.Bad, "slow: tokens and signatures are refused"},
	} {
		at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", examined.Format(http.TimeFormat))
		}))
		fix := "NTP"
		if test.verdict == provision.Good {
			fix = ""
		}
		finds(t, boot.ClockCheck(at.Client(), []string{"http://127.0.0.1:1/", at.URL}, func() time.Time { return examined.Add(test.ahead) }), test.verdict, test.says, fix)
		at.Close()
	}
	finds(t, boot.ClockCheck(http.DefaultClient, nil, atExamined), provision.Skipped, "no provider", "")
	finds(t, boot.ClockCheck(http.DefaultClient, []string{"http://127.0.0.1:1/"}, atExamined), provision.Skipped, "cannot be reached", "")
}

func TestLapsesAreFound(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		left    time.Duration
		verdict provision.Verdict
		says    string
	}{
		{31 * 24 * time.Hour, provision.Good, "good until 2026-04-02"},
		{30 * 24 * time.Hour, provision.Warning, "ends on 2026-04-01, in 30 days"},
		{time.Hour, provision.Warning, "in 0 days"},
		{-time.Hour, provision.Bad, "ended on 2026-03-02"},
	} {
		e := boot.Ending{Lapse: boot.Lapse{What: "the key", At: examined.Add(test.left)}, Fix: "make a new one"}
		fix := e.Fix
		if test.verdict == provision.Good {
			fix = ""
		}
		finds(t, boot.LapseCheck([]boot.Ending{e}, atExamined), test.verdict, test.says, fix)
	}
	finds(t, boot.LapseCheck([]boot.Ending{{Lapse: boot.Lapse{What: "the secret"}, Fix: "say when"}}, atExamined), provision.Warning, "nobody can read when the secret ends", "say when")
	finds(t, boot.LapseCheck(nil, atExamined), provision.Skipped, "no credential", "")
}

func TestWatchesAreLookedAt(t *testing.T) {
	t.Parallel()
	const url, topic = "https://postroom.example.com", "projects/p/topics/t"
	m := parse(t, twoMailboxes)
	look := func(kept map[inbox.MailboxID][]pipeline.Watch) boot.Check {
		return boot.WatchCheck(m, func(_ context.Context, id inbox.MailboxID) ([]pipeline.Watch, error) { return kept[id], nil }, "", url, topic, atExamined)
	}
	lasting := func(target string, left time.Duration) []pipeline.Watch {
		return []pipeline.Watch{{ID: "old", Target: target, Expires: examined.Add(-time.Hour)}, {ID: "w", Target: target, Expires: examined.Add(left)}}
	}
	finds(t, look(map[inbox.MailboxID][]pipeline.Watch{support: lasting(url, 96*time.Hour)}), provision.Good, "the subscription lasts until 2026-03-06 08:00 UTC", "")
	finds(t, look(map[inbox.MailboxID][]pipeline.Watch{support: lasting(url, 47*time.Hour)}), provision.Warning, "lapses on 2026-03-04", "log")
	finds(t, look(map[inbox.MailboxID][]pipeline.Watch{support: lasting(url, -time.Minute)}), provision.Bad, "lapsed on 2026-03-02", "log")
	finds(t, look(map[inbox.MailboxID][]pipeline.Watch{support: lasting("https://other.example.com", 96*time.Hour)}), provision.Bad, "tells somebody else than "+url, "log")
	finds(t, look(nil), provision.Bad, "there is no subscription", "log")
	all := boot.Examine(t.Context(), []boot.Check{look(map[inbox.MailboxID][]pipeline.Watch{hello: lasting(topic, 96*time.Hour)})}, nil)
	if len(all) != 2 || all[0].Verdict != provision.Bad || all[1].Verdict != provision.Good || all[1].Mailbox != hello || !strings.HasPrefix(all[1].Says, "the watch lasts") {
		t.Errorf("found %+v", all)
	}
	finds(t, boot.WatchCheck(m, nil, "serve has the file", url, topic, atExamined), provision.Skipped, "serve has the file", "")
	finds(t, boot.WatchCheck(m, nil, "", "", topic, atExamined), provision.Skipped, "polled", "")
}

// onAWS answers as AWS does.
type onAWS struct {
	table   dynamotypes.TableStatus
	backups dynamotypes.PointInTimeRecoveryStatus
	queues  map[string]map[string]string // attributes by URL
	alarms  []watchtypes.MetricAlarm
	denied  bool
}

var errDenied = &smithy.GenericAPIError{Code: "AccessDeniedException", Message: "not you"}

func (a *onAWS) DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	switch {
	case a.denied:
		return nil, errDenied
	case a.table == "":
		return nil, fmt.Errorf("operation: %w", &dynamotypes.ResourceNotFoundException{})
	}
	return &dynamodb.DescribeTableOutput{Table: &dynamotypes.TableDescription{TableStatus: a.table}}, nil
}

func (a *onAWS) DescribeContinuousBackups(context.Context, *dynamodb.DescribeContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error) {
	return &dynamodb.DescribeContinuousBackupsOutput{ContinuousBackupsDescription: &dynamotypes.ContinuousBackupsDescription{
		PointInTimeRecoveryDescription: &dynamotypes.PointInTimeRecoveryDescription{PointInTimeRecoveryStatus: a.backups},
	}}, nil
}

func (a *onAWS) GetQueueUrl(_ context.Context, in *sqs.GetQueueUrlInput, _ ...func(*sqs.Options)) (*sqs.GetQueueUrlOutput, error) {
	return &sqs.GetQueueUrlOutput{QueueUrl: aws.String("https://sqs/1/" + *in.QueueName)}, nil
}

func (a *onAWS) GetQueueAttributes(_ context.Context, in *sqs.GetQueueAttributesInput, _ ...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error) {
	got, ok := a.queues[*in.QueueUrl]
	switch {
	case a.denied:
		return nil, errDenied
	case !ok:
		return nil, fmt.Errorf("operation: %w", &sqstypes.QueueDoesNotExist{})
	}
	return &sqs.GetQueueAttributesOutput{Attributes: got}, nil
}

func (a *onAWS) DescribeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput, _ ...func(*cloudwatch.Options)) (*cloudwatch.DescribeAlarmsOutput, error) {
	if a.denied {
		return nil, errDenied
	}
	out := &cloudwatch.DescribeAlarmsOutput{}
	for _, m := range a.alarms {
		if strings.HasPrefix(*m.AlarmName, *in.AlarmNamePrefix) {
			out.MetricAlarms = append(out.MetricAlarms, m)
		}
	}
	return out, nil
}

func TestTableIsLookedAt(t *testing.T) {
	t.Parallel()
	const on, off = dynamotypes.PointInTimeRecoveryStatusEnabled, dynamotypes.PointInTimeRecoveryStatusDisabled
	finds(t, boot.TableCheck(&onAWS{table: dynamotypes.TableStatusActive, backups: on}, "T"), provision.Good, "the table T is there", "")
	finds(t, boot.TableCheck(&onAWS{table: dynamotypes.TableStatusActive, backups: off}, "T"), provision.Warning, "cannot be restored", "update-continuous-backups --table-name T")
	finds(t, boot.TableCheck(&onAWS{table: dynamotypes.TableStatusInaccessibleEncryptionCredentials, backups: on}, "T"), provision.Bad, "INACCESSIBLE", "docs/operations.md")
	finds(t, boot.TableCheck(&onAWS{}, "T"), provision.Bad, "there is no table T", "--table")
	finds(t, boot.TableCheck(&onAWS{denied: true}, "T"), provision.Skipped, "not you", "dynamodb:DescribeTable")
}

func TestQueueIsLookedAt(t *testing.T) {
	t.Parallel()
	const queue, dead = "https://sqs/1/hints.fifo", "https://sqs/1/dead.fifo"
	with := func(aside string) *onAWS {
		return &onAWS{queues: map[string]map[string]string{
			queue: {"ApproximateNumberOfMessages": "4", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:123456789012:dead.fifo","maxReceiveCount":20}`},
			dead:  {"ApproximateNumberOfMessages": aside},
		}}
	}
	finds(t, boot.QueueCheck(with("0"), queue), provision.Good, "hints.fifo is there; 4 waiting", "")
	finds(t, boot.QueueCheck(with("3"), queue), provision.Bad, "3 hints that failed", "#deadletters")
	finds(t, boot.QueueCheck(&onAWS{}, queue), provision.Bad, "there is no queue hints.fifo", "--queue")
	finds(t, boot.QueueCheck(&onAWS{queues: map[string]map[string]string{queue: {"ApproximateNumberOfMessages": "0"}}}, queue), provision.Warning, "puts nothing aside", "RedrivePolicy")
	finds(t, boot.QueueCheck(&onAWS{denied: true}, queue), provision.Skipped, "not you", "sqs:GetQueueAttributes")
}

func TestAlarmsAreLookedAt(t *testing.T) {
	t.Parallel()
	alarm := func(name string, state watchtypes.StateValue) watchtypes.MetricAlarm {
		return watchtypes.MetricAlarm{AlarmName: &name, StateValue: state, StateReason: aws.String("Threshold crossed")}
	}
	const ok, rings = watchtypes.StateValueOk, watchtypes.StateValueAlarm
	finds(t, boot.AlarmsCheck(&onAWS{alarms: []watchtypes.MetricAlarm{alarm("p-SyncErrors", ok), alarm("other-SyncErrors", rings)}}, "p"), provision.Good, "no alarm of p rings, of 1", "")
	finds(t, boot.AlarmsCheck(&onAWS{alarms: []watchtypes.MetricAlarm{alarm("p-SyncErrors", rings), alarm("p-TickErrors", ok)}}, "p"), provision.Bad, "p-SyncErrors rings: Threshold crossed", "docs/operations.md#syncerrors")
	finds(t, boot.AlarmsCheck(&onAWS{}, "p"), provision.Bad, "the stack p has no alarms", "--stack")
	finds(t, boot.AlarmsCheck(&onAWS{denied: true}, "p"), provision.Skipped, "not you", "cloudwatch:DescribeAlarms")
}

// TestOnlyWhatWasAskedForIsLookedAt: a look costs requests, and may take its time.
func TestOnlyWhatWasAskedForIsLookedAt(t *testing.T) {
	t.Parallel()
	looked := 0
	check := func(names ...string) boot.Check {
		return boot.Check{Names: names, Look: func(context.Context) (all []provision.Finding) {
			looked++
			for _, n := range names {
				all = append(all, provision.Finding{Check: n})
			}
			return all
		}}
	}
	got := boot.Examine(t.Context(), []boot.Check{check("a"), check("b", "c"), check("d")}, []string{"c"})
	if looked != 1 || len(got) != 1 || got[0].Check != "c" {
		t.Errorf("%d looks, found %v", looked, got)
	}
	ended, end := context.WithCancelCause(t.Context())
	end(errors.New("enough"))
	if got := boot.Examine(ended, []boot.Check{check("a")}, nil); len(got) != 0 || looked != 1 {
		t.Errorf("after its end: %v", got)
	}
}
