import { Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import type { Functions } from './functions';
import type { Resolved } from './settings';
import type { State } from './state';

/** What alarms and dashboard look at. */
export interface Watched {
  readonly state: State;
  readonly functions: Functions;
}

/** The namespace of the metrics that the functions write, and the dimensions each of them has: boot.Metrics. */
export const namespace = 'Postroom';

interface Rule {
  readonly description: string;
  readonly namespace: string;
  readonly metricName: string;
  readonly dimensions: Record<string, string>;
  readonly statistic: 'Sum' | 'Maximum' | 'Minimum';
  /** Seconds of one period, how many are looked at, and how many of them must be bad. */
  readonly period: number;
  readonly periods?: number;
  readonly bad?: number;
  readonly comparison: 'GreaterThanOrEqualToThreshold' | 'GreaterThanThreshold' | 'LessThanOrEqualToThreshold' | 'LessThanThreshold';
  readonly threshold: number;
  /** Nothing measured is nothing wrong, except for what must happen. */
  readonly missing?: 'notBreaching' | 'breaching' | 'ignore';
}

/** alarms makes one alarm for each way in which a deployment goes wrong. docs/operations.md has a runbook for each. */
export function alarms(scope: Construct, values: Resolved, { state, functions }: Watched): void {
  const stack = Stack.of(scope);
  const own = (fn: string): Record<string, string> => ({ Function: fn, Stack: stack.stackName });
  const queue = (q: { readonly queueName: string }): Record<string, string> => ({ QueueName: q.queueName });

  const rules: Record<string, Rule> = {
    DeadLetters: {
      description: 'A mailbox failed 20 times, and its hint was put aside. The mailbox is still swept; find out why it fails, then send the hint back',
      namespace: 'AWS/SQS', metricName: 'ApproximateNumberOfMessagesVisible', dimensions: queue(state.deadLetters), statistic: 'Maximum', period: 60,
      comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
    },
    OldestHint: {
      description: 'A mailbox that has changed has waited too long for its turn',
      namespace: 'AWS/SQS', metricName: 'ApproximateAgeOfOldestMessage', dimensions: queue(state.queue), statistic: 'Maximum', period: 60, periods: 3,
      comparison: 'GreaterThanThreshold', threshold: Number(values.OldestHintSeconds),
    },
  };
  for (const [name, fn] of [['Ingest', functions.ingest], ['Sync', functions.sync], ['Tick', functions.tick], ['Provision', functions.provision]] as const) {
    const dimensions = { FunctionName: fn.functionName };
    rules[`${name}Errors`] = {
      description: `The function ${name.toLowerCase()} crashed, ran out of time or could not start`,
      namespace: 'AWS/Lambda', metricName: 'Errors', dimensions, statistic: 'Sum', period: 300, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
    };
    rules[`${name}Throttles`] = {
      description: `AWS did not let the function ${name.toLowerCase()} run, because too many run at once`,
      namespace: 'AWS/Lambda', metricName: 'Throttles', dimensions, statistic: 'Sum', period: 300, periods: 3, bad: 2, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
    };
  }
  rules.HookFailures = {
    description: 'Notifications are answered with 503: the function ingest cannot read the table or write to the queue, or cannot have the keys that sign pushes; its log says which',
    // An answer of 503 is no error of the function's. A hiccup and its repetitions fall into two periods at most, and a
    // mailbox with little mail fails a few times an hour: so any failure counts, in three periods of half an hour.
    namespace, metricName: 'HookFailures', dimensions: own('ingest'), statistic: 'Sum', period: 300, periods: 6, bad: 3, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
  };
  for (const days of [30, 7, 1]) {
    rules[`CredentialLapse${days}`] = {
      description: `A certificate, client secret or key ends in ${days === 1 ? 'a day' : `${days} days`} or less`,
      // A period of an hour, and what is not measured changes nothing, so that this is told once.
      namespace, metricName: 'CredentialLapseDays', dimensions: own('tick'), statistic: 'Minimum', period: 3600, comparison: 'LessThanOrEqualToThreshold', threshold: days, missing: 'ignore',
    };
  }
  Object.assign(rules, {
    WatchLapse: {
      description: 'A subscription at Graph or a watch at Gmail ends within a day, though it should have been renewed days ago',
      namespace, metricName: 'WatchLapseHours', dimensions: own('tick'), statistic: 'Minimum', period: 900, comparison: 'LessThanThreshold', threshold: 24,
      periods: 3, bad: 1, // a watch that is refused is tried again, and measured, every 32 minutes
    },
    MailboxStale: {
      description: 'Some mailbox has not been read successfully for too long; the log of the function tick names it',
      namespace, metricName: 'StalestMailboxMinutes', dimensions: own('tick'), statistic: 'Maximum', period: 300, comparison: 'GreaterThanThreshold', threshold: Number(values.StaleMinutes),
      periods: 12, bad: 1, // a mailbox is measured when it is swept, and others between
    },
    ManifestRefused: {
      description: 'The newest manifest cannot be used, and the last good one goes on; the log of the function tick says what to mend',
      namespace, metricName: 'ManifestRefused', dimensions: own('tick'), statistic: 'Sum', period: 300, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
    },
    PermanentFailures: {
      description: 'A mailbox fails until somebody acts: a permission, a licence or the mailbox itself is missing; the log of the function sync names it',
      namespace, metricName: 'PermanentFailures', dimensions: own('sync'), statistic: 'Sum', period: 300, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1,
    },
    PlanFailed: {
      description: 'It is not known whether mailboxes, members or permissions differ from the manifest, for something could not be read; the log of the function provision says what',
      // As with a credential's lapse: it is measured when it is looked for, once a day or less.
      namespace, metricName: 'PlanFailures', dimensions: own('provision'), statistic: 'Maximum', period: 3600, comparison: 'GreaterThanOrEqualToThreshold', threshold: 1, missing: 'ignore',
    },
    TickMissing: {
      description: 'The function tick, which runs each minute, has not run for ten minutes',
      namespace: 'AWS/Lambda', metricName: 'Invocations', dimensions: { FunctionName: functions.tick.functionName }, statistic: 'Sum', period: 300, periods: 2,
      comparison: 'LessThanThreshold', threshold: 1, missing: 'breaching',
    },
  } satisfies Record<string, Rule>);

  for (const [name, r] of Object.entries(rules)) {
    new cloudwatch.CfnAlarm(scope, `${name}Alarm`, {
      alarmName: `${stack.stackName}-${name}`,
      alarmDescription: `${r.description}. Runbook: docs/operations.md#${name.toLowerCase()}`,
      namespace: r.namespace,
      metricName: r.metricName,
      dimensions: Object.entries(r.dimensions).map(([dimension, value]) => ({ name: dimension, value })),
      statistic: r.statistic,
      period: r.period,
      evaluationPeriods: r.periods ?? 1,
      datapointsToAlarm: r.bad,
      comparisonOperator: r.comparison,
      threshold: r.threshold,
      treatMissingData: r.missing ?? 'notBreaching',
      alarmActions: [state.topic.topicArn],
      okActions: [state.topic.topicArn],
    });
  }
}
