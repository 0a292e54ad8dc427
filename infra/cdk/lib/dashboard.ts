import { Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { namespace, type Watched } from './alarms';
import type { Hooks } from './hooks';

type Metric = (string | Record<string, string | number>)[];

/** dashboard draws what an operator asks first: does mail flow, what waits, what fails, what ends soon. */
export function dashboard(scope: Construct, hooks: Hooks, { state, functions }: Watched): void {
  const stack = Stack.of(scope);
  const own = (fn: string, names: string[], stat = 'Sum'): Metric[] => names.map((name) => [namespace, name, 'Function', fn, 'Stack', stack.stackName, { stat, label: `${name} (${fn})` }]);
  const each = (metric: string, stat: string): Metric[] =>
    ([['ingest', functions.ingest], ['sync', functions.sync], ['tick', functions.tick], ['provision', functions.provision]] as const).map(([label, fn]) => ['AWS/Lambda', metric, 'FunctionName', fn.functionName, { stat, label }]);
  const queue = (metric: string, label: string, q: { readonly queueName: string }): Metric => ['AWS/SQS', metric, 'QueueName', q.queueName, { stat: 'Maximum', label }];
  const api = hooks.dimension;
  const errors = api.name === 'ApiId' ? ['4xx', '5xx'] : ['4XXError', '5XXError'];

  const widgets = [
    chart('Hints in, syncs done', [...own('ingest', ['Hints']), ...own('tick', ['Hints']), ...own('sync', ['Syncs', 'SyncFailures', 'Retries'])]),
    chart('Messages, decisions, actions', own('sync', ['Messages', 'Decisions', 'Actions'])),
    chart('What waits', [queue('ApproximateNumberOfMessagesVisible', 'hints', state.queue), queue('ApproximateNumberOfMessagesVisible', 'dead letters', state.deadLetters)]),
    chart('How long it waits (seconds)', [queue('ApproximateAgeOfOldestMessage', 'oldest hint', state.queue), ...own('sync', ['OldestHintSeconds'], 'p90')]),
    chart('Providers', own('sync', ['ProviderRequests', 'Throttles', 'PermanentFailures'])),
    chart('Hooks', [...['Count', ...errors].map((name): Metric => ['AWS/ApiGateway', name, api.name, api.value, { stat: 'Sum' }]), ...own('ingest', ['Refused', 'HookFailures'])]),
    chart('Duration, p99 (ms)', each('Duration', 'p99')),
    chart('Errors and throttles', [...each('Errors', 'Sum'), ...each('Throttles', 'Sum')]),
    chart('Stalest mailbox (minutes)', own('tick', ['StalestMailboxMinutes'], 'Maximum')),
    chart('What ends: credentials (days), watches (hours)', own('tick', ['CredentialLapseDays', 'WatchLapseHours'], 'Minimum')),
    chart('Table: consumed units', ['ConsumedReadCapacityUnits', 'ConsumedWriteCapacityUnits'].map((name): Metric => ['AWS/DynamoDB', name, 'TableName', state.table.tableName, { stat: 'Sum' }])),
    chart('Drift from the manifest', own('provision', ['DriftSteps', 'PlanFailures'], 'Maximum')),
    chart('Manifest refused', [...own('tick', ['ManifestRefused']), ...own('sync', ['ManifestRefused'])]),
  ].map((properties, i) => ({ type: 'metric', width: 12, height: 6, x: 12 * (i % 2), y: 6 * Math.floor(i / 2), properties: { ...properties, region: stack.region } }));

  new cloudwatch.CfnDashboard(scope, 'Dashboard', { dashboardName: stack.stackName, dashboardBody: stack.toJsonString({ widgets }) });
}

function chart(title: string, metrics: Metric[]): { readonly title: string; readonly metrics: Metric[]; readonly period: number; readonly view: string } {
  return { title, metrics, period: 300, view: 'timeSeries' };
}
