import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { evaluate } from './template/evaluate';
import { readSam, repository } from './template/load';

const resources = evaluate(readSam()).resources;
const alarms = Object.entries(resources).filter(([, r]) => r.type === 'AWS::CloudWatch::Alarm').map(([name, r]) => ({ name: name.replace(/Alarm$/, ''), ...r.properties }) as Alarm);

interface Alarm {
  readonly name: string;
  readonly AlarmName: string;
  readonly AlarmDescription: string;
  readonly AlarmActions: string[];
  readonly OKActions: string[];
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: { readonly Name: string; readonly Value: string }[];
  readonly Period: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly Threshold: number;
  readonly TreatMissingData: string;
}

/** The metrics that the functions write, from the constants of boot.Metric. */
const written = new Set([...fs.readFileSync(path.join(repository, 'functions/boot/metrics.go'), 'utf8').matchAll(/Metric\s+= "([A-Za-z]+)"/g)].map(([, name]) => name));

test('there is an alarm for each way in which a deployment goes wrong', () => {
  assert.deepEqual(alarms.map((a) => a.name).sort(), [
    'CredentialLapse1', 'CredentialLapse30', 'CredentialLapse7', 'DeadLetters', 'HookFailures', 'IngestErrors', 'IngestThrottles', 'MailboxStale',
    'ManifestRefused', 'OldestHint', 'PermanentFailures', 'PlanFailed', 'ProvisionErrors', 'ProvisionThrottles', 'SyncErrors', 'SyncThrottles', 'TickErrors', 'TickMissing', 'TickThrottles', 'WatchLapse',
  ]);
});

test('every alarm goes to the one topic, when it begins and when it ends', () => {
  assert.equal(Object.values(resources).filter((r) => r.type === 'AWS::SNS::Topic').length, 1);
  for (const a of alarms) {
    assert.deepEqual([a.AlarmActions, a.OKActions], [['<Topic>'], ['<Topic>']], a.name);
    assert.equal(a.AlarmName, `postroom-${a.name}`);
  }
});

test('every alarm has a runbook, and names it', () => {
  const page = fs.readFileSync(path.join(repository, 'docs/operations.md'), 'utf8');
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading);
  for (const a of alarms) {
    assert.ok(headings.includes(a.name), `docs/operations.md has no heading ${a.name}`);
    assert.ok(a.AlarmDescription.endsWith(`Runbook: docs/operations.md#${a.name.toLowerCase()}`), a.name);
  }
});

test('our own metrics are those that the functions write', () => {
  assert.ok(written.size > 10, 'the constants of boot.Metric cannot be read any more');
  const drawn = (resources.Dashboard.properties.DashboardBody as string).matchAll(/\["Postroom", "([A-Za-z]+)", "Function", "([a-z]+)", "Stack", "postroom"/g);
  const dashboard = new Set([...drawn].map(([, name]) => name));
  assert.deepEqual([...dashboard].sort(), [...written].sort(), 'the dashboard shows each of them');
  for (const a of alarms.filter((x) => x.Namespace === 'Postroom')) {
    assert.ok(written.has(a.MetricName), `${a.name} waits for ${a.MetricName}, which nobody writes`);
    assert.deepEqual(a.Dimensions.map((d) => d.Name).sort(), ['Function', 'Stack'], a.name);
    assert.ok(['ingest', 'sync', 'tick', 'provision'].includes(a.Dimensions.find((d) => d.Name === 'Function')!.Value), a.name);
  }
});

// A mailbox is measured once a sweep, and a watch that is refused when it is tried again: 32 minutes is the longest pause of
// functions/boot/renewing.go. An alarm that forgot it in between would come and go, with a mail each time.
test('what is measured now and then keeps its alarm on in between', () => {
  for (const [name, minutes] of [['MailboxStale', 60], ['WatchLapse', 32 + 1]] as const) {
    const a = alarms.find((x) => x.name === name)!;
    assert.equal(a.DatapointsToAlarm ?? a.EvaluationPeriods, 1, `${name} waits for more than one measurement`);
    assert.ok((a.Period * (a.EvaluationPeriods - 1)) / 60 >= minutes - a.Period / 60, `${name} forgets after ${(a.Period * a.EvaluationPeriods) / 60} minutes`);
  }
});

// A hook that fails once is asked again within minutes: that may reach into a second period and must not ring. Where it goes
// on, a single mailbox repeats a few times an hour, at Pub/Sub every ten minutes at the longest (docs/deploy.md), and must.
test('hooks that fail once do not ring, and those of one mailbox that go on failing do', () => {
  const a = alarms.find((x) => x.name === 'HookFailures')!;
  assert.ok(a.DatapointsToAlarm! >= 3 && a.Period >= 300, 'a hiccup rings');
  assert.equal(a.Threshold, 1, 'a mailbox with little mail never rings');
  assert.ok(a.Period * a.EvaluationPeriods >= 600 * a.DatapointsToAlarm!, 'Pub/Sub repeats too seldom to ring');
});

test('the metrics of AWS are of resources of ours', () => {
  const dimension: Record<string, string> = { 'AWS/Lambda': 'FunctionName', 'AWS/SQS': 'QueueName' };
  for (const a of alarms.filter((x) => x.Namespace !== 'Postroom')) {
    assert.deepEqual(a.Dimensions.map((d) => d.Name), [dimension[a.Namespace]], a.name);
    assert.match(a.Dimensions[0].Value, /^<[A-Za-z.]+>$/, a.name);
  }
});

test('CloudWatch takes the alarms and the dashboard', () => {
  for (const a of alarms) {
    assert.ok(a.Period % 60 === 0 && a.Period * a.EvaluationPeriods <= 86400, `${a.name} looks at more than a day`);
    assert.ok(a.AlarmDescription.length <= 1024, a.name);
  }
  const body = JSON.parse(resources.Dashboard.properties.DashboardBody as string) as { widgets: { properties: { metrics: unknown[] } }[] };
  assert.ok(body.widgets.length > 0 && body.widgets.every((w) => w.properties.metrics.length > 0));
});
