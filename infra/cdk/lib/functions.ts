import * as fs from 'node:fs';
import * as path from 'node:path';
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as scheduler from 'aws-cdk-lib/aws-scheduler';
import { type Construct, type IDependable } from 'constructs';
import type { Resolved } from './settings';
import { manifestKey, type State } from './state';

/** What makes a function. The reserved one, console, is built but not deployed: nothing calls it yet. */
interface Kind {
  readonly name: 'ingest' | 'sync' | 'tick' | 'provision';
  readonly description: string;
  readonly memorySize: number;
  readonly timeout: Duration;
  readonly environment: Record<string, string>;
  readonly policies: Record<string, iam.PolicyStatement[]>;
  /** The function causes its own invocations. */
  readonly recursive?: boolean;
}

/** Functions are the four that run, each with a role and a log group of its own, and what calls sync, tick and provision. */
export class Functions {
  readonly ingest: lambda.Function;
  readonly sync: lambda.Function;
  readonly tick: lambda.Function;
  readonly provision: lambda.Function;
  readonly syncRole: iam.Role;
  readonly provisionRole: iam.Role;
  /** What provision needs to go on in another invocation. */
  readonly provisionGoesOn: readonly IDependable[];
  readonly tickRole: iam.Role;

  constructor(private readonly scope: Construct, private readonly values: Resolved, private readonly state: State, url: string, private readonly code: string) {
    const every = {
      POSTROOM_LOG_LEVEL: this.text('LogLevel'),
      POSTROOM_STACK: Stack.of(scope).stackName,
      POSTROOM_TABLE: state.table.tableName,
    };
    const each = { ...every, POSTROOM_QUEUE: state.queue.queueUrl };
    const microsoft = {
      POSTROOM_GRAPH_AUDIENCE: this.text('GraphAudience'),
      POSTROOM_GRAPH_CLIENT: this.text('GraphClient'),
      POSTROOM_GRAPH_CLOUD: this.text('GraphCloud'),
      POSTROOM_GRAPH_CREDENTIAL: this.chosen('GraphCredential'),
      POSTROOM_GRAPH_SECRET_ARN: this.text('GraphSecretArn'),
      POSTROOM_GRAPH_SECRET_EXPIRES: this.text('GraphSecretExpires'),
      POSTROOM_GRAPH_TENANT: this.text('GraphTenant'),
      POSTROOM_MANIFEST: state.manifestUri,
    };
    const tenants = {
      ...microsoft,
      POSTROOM_GOOGLE_ACCOUNT: this.text('GoogleAccount'),
      POSTROOM_GOOGLE_CREDENTIAL: this.chosen('GoogleCredential'),
      POSTROOM_GOOGLE_PROVIDER: this.text('GoogleProvider'),
      POSTROOM_GOOGLE_SECRET_ARN: this.text('GoogleSecretArn'),
    };

    this.ingest = this.add({
      name: 'ingest',
      description: 'Takes the notifications of Microsoft Graph and Gmail',
      memorySize: 256,
      timeout: Duration.seconds(10), // Graph waits 3 s for the answer, API Gateway as long as this
      environment: {
        ...each,
        POSTROOM_GOOGLE_AUDIENCE: this.text('GoogleAudience'),
        POSTROOM_GOOGLE_PUSH_ACCOUNT: this.text('GooglePushAccount'),
        POSTROOM_GOOGLE_SUBSCRIPTION: this.text('GoogleSubscription'),
        POSTROOM_URL: url,
      },
      policies: { Queue: [this.send()], Table: [this.watches()], Key: this.keyUse() },
    }).fn;

    const sync = this.add({
      name: 'sync',
      description: 'Works the mailboxes that have changed',
      memorySize: 512,
      timeout: Duration.seconds(120), // under the visibility timeout of the queue
      environment: { ...each, ...tenants },
      recursive: true, // a listing of hours goes on by a hint to itself, which Lambda would stop after 16 ("Lambda recursive loop detection")
      policies: { Queue: [this.send(), this.receive()], Table: [this.mail()], Manifest: this.manifest(), Tenants: this.tenants(), Key: this.keyUse() },
    });
    this.sync = sync.fn;
    this.syncRole = sync.role;
    new lambda.CfnEventSourceMapping(scope, 'SyncSource', {
      eventSourceArn: state.queue.queueArn,
      functionName: sync.fn.functionArn,
      batchSize: 10,
      functionResponseTypes: ['ReportBatchItemFailures'],
      scalingConfig: { maximumConcurrency: Number(values.SyncConcurrency) },
    });

    const tick = this.add({
      name: 'tick',
      description: 'Each minute: sweeps, renewals, timers that are due',
      memorySize: 512,
      timeout: Duration.seconds(55), // so that no two run at once
      environment: {
        ...each,
        ...tenants,
        POSTROOM_EXCHANGE_SECRET_EXPIRES: this.text('ExchangeSecretExpires'), // to warn of it
        POSTROOM_GOOGLE_KEY_EXPIRES: this.text('GoogleKeyExpires'),
        POSTROOM_GOOGLE_TOPIC: this.text('GoogleTopic'),
        POSTROOM_STALE: `${this.text('StaleMinutes')}m`,
        POSTROOM_SWEEP: this.text('Sweep'),
        POSTROOM_URL: url,
      },
      policies: { Queue: [this.send()], Table: [this.upkeep(), this.progress(), this.due()], Manifest: this.manifest(), Tenants: this.tenants(), Key: this.keyUse() },
    });
    this.tick = tick.fn;
    this.tickRole = tick.role;

    const provision = this.add({
      name: 'provision',
      description: 'Administers the tenants: looks for drift, plans, applies, answers for declared mailboxes',
      memorySize: 512,
      timeout: Duration.minutes(15), // the most there is; what takes longer goes on in another invocation
      environment: {
        ...every,
        ...microsoft,
        POSTROOM_EXCHANGE_CLIENT: this.text('ExchangeClient'),
        POSTROOM_EXCHANGE_CREDENTIAL: this.chosen('ExchangeCredential'),
        POSTROOM_EXCHANGE_SECRET_ARN: this.text('ExchangeSecretArn'),
        POSTROOM_EXCHANGE_SECRET_EXPIRES: this.text('ExchangeSecretExpires'),
        POSTROOM_TOPIC: state.topic.topicArn,
        POSTROOM_WORKSPACE_ACCOUNT: this.text('WorkspaceAccount'),
        POSTROOM_WORKSPACE_ADMIN: this.text('WorkspaceAdmin'),
        POSTROOM_WORKSPACE_CREDENTIAL: this.chosen('WorkspaceCredential'),
        POSTROOM_WORKSPACE_PROVIDER: this.text(values.WorkspaceProvider === '' ? 'GoogleProvider' : 'WorkspaceProvider'),
        POSTROOM_WORKSPACE_SECRET_ARN: this.text('WorkspaceSecretArn'),
      },
      recursive: true, // it invokes itself when the time is over ("Lambda recursive loop detection")
      policies: {
        Table: [this.journal(), this.lock(), this.provisioning()],
        Topic: [allow(['sns:Publish'], [state.topic.topicArn])],
        Manifest: this.manifest(),
        Tenants: this.administrations(),
        Key: this.keyUse(),
      },
    });
    this.provision = provision.fn;
    this.provisionRole = provision.role;
    // Not in the role, which the function needs and which would then need the function.
    const itself = new lambda.CfnPermission(scope, 'ProvisionItself', { action: 'lambda:InvokeFunction', functionName: provision.fn.functionArn, principal: provision.role.roleArn });
    // CloudFormation waits an hour for an answer.
    const invoke = new lambda.CfnEventInvokeConfig(scope, 'ProvisionInvoke', { functionName: provision.fn.functionName, qualifier: '$LATEST', maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 2 });
    this.provisionGoesOn = [itself, invoke];
    this.schedules(tick.fn, provision.fn);
  }

  private text(name: string): string {
    return String(this.values[name]);
  }

  private chosen(name: string): string {
    return this.values[name] === 'none' ? '' : this.text(name);
  }

  private add(kind: Kind): { fn: lambda.Function; role: iam.Role } {
    const { scope, state } = this;
    const prefix = kind.name[0].toUpperCase() + kind.name.slice(1);
    const logGroup = new logs.LogGroup(scope, `${prefix}Logs`, {
      logGroupName: `/postroom/${Stack.of(scope).stackName}/${kind.name}`,
      retention: Number(this.values.LogRetentionDays),
      encryptionKey: state.key,
      removalPolicy: RemovalPolicy.DESTROY,
    });

    const own = [
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
      allow(['xray:PutTelemetryRecords', 'xray:PutTraceSegments'], ['*']), // X-Ray has no resource to name
    ];
    const policies = Object.entries({ Logs: own, ...kind.policies }).filter(([, statements]) => statements.length > 0);
    const role = new iam.Role(scope, `${prefix}Role`, {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: `${kind.description}: what the function ${kind.name} of Postroom may do`,
      inlinePolicies: Object.fromEntries(policies.map(([name, statements]) => [name, new iam.PolicyDocument({ statements })])),
    });
    const directory = path.join(this.code, kind.name);
    const bootstrap = path.join(directory, 'bootstrap');
    if (!fs.existsSync(bootstrap)) throw new Error(`there is no ${bootstrap}: run "make functions" in the checkout first`);
    const reserved = Number(this.values[`${prefix}Reserved`]);
    const fn = new lambda.Function(scope, `${prefix}Function`, {
      description: kind.description,
      runtime: lambda.Runtime.PROVIDED_AL2023,
      architecture: lambda.Architecture.ARM_64,
      handler: 'bootstrap',
      code: lambda.Code.fromAsset(directory),
      memorySize: kind.memorySize,
      timeout: kind.timeout,
      environment: kind.environment,
      role: role.withoutPolicyUpdates(), // all it may do is written above
      logGroup,
      tracing: lambda.Tracing.ACTIVE,
      recursiveLoop: kind.recursive ? lambda.RecursiveLoop.ALLOW : undefined,
      reservedConcurrentExecutions: reserved > 0 ? reserved : undefined,
    });
    return { fn, role };
  }

  private schedules(tick: lambda.Function, provision: lambda.Function): void {
    const { scope, values } = this;
    const drift = values.DriftSchedule !== 'off';
    // A tick that comes late is of no use: the next one makes up for it.
    new lambda.CfnEventInvokeConfig(scope, 'TickInvoke', { functionName: tick.functionName, qualifier: '$LATEST', maximumEventAgeInSeconds: 60, maximumRetryAttempts: 0 });
    const group = new scheduler.CfnScheduleGroup(scope, 'Schedules');
    const role = new iam.Role(scope, 'ScheduleRole', {
      description: 'Lets the schedules of Postroom start the functions tick and provision',
      assumedBy: new iam.ServicePrincipal('scheduler.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account, 'aws:SourceArn': group.attrArn } },
      }),
      inlinePolicies: {
        Tick: new iam.PolicyDocument({ statements: [allow(['lambda:InvokeFunction'], [tick.functionArn])] }),
        ...(drift && { Drift: new iam.PolicyDocument({ statements: [allow(['lambda:InvokeFunction'], [provision.functionArn])] }) }),
      },
    });
    new scheduler.CfnSchedule(scope, 'EachMinute', {
      description: 'Starts the function tick of Postroom',
      groupName: group.ref,
      scheduleExpression: 'rate(1 minute)',
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: tick.functionArn, roleArn: role.roleArn, retryPolicy: { maximumEventAgeInSeconds: 60, maximumRetryAttempts: 1 } },
    });
    if (!drift) return;
    new scheduler.CfnSchedule(scope, 'Drift', {
      description: 'Has the function provision of Postroom look for drift',
      groupName: group.ref,
      scheduleExpression: this.text('DriftSchedule'),
      flexibleTimeWindow: { mode: 'OFF' },
      target: { arn: provision.functionArn, roleArn: role.roleArn, input: '{"do": "report"}', retryPolicy: { maximumEventAgeInSeconds: 3600, maximumRetryAttempts: 2 } },
    });
  }

  private send(): iam.PolicyStatement {
    return allow(['sqs:SendMessage'], [this.state.queue.queueArn]);
  }

  private receive(): iam.PolicyStatement {
    return allow(['sqs:ChangeMessageVisibility', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage'], [this.state.queue.queueArn]);
  }

  /** watches is what ingest may touch: which mailbox a notification is of, and the timer that a watch's end sets. No mail. */
  private watches(): iam.PolicyStatement {
    return allow(['dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem'], [this.state.table.tableArn], partitions('w#*', 't#*'));
  }

  /** mail is what sync may touch: the mailboxes' data, their timers, the deployment's records. Not the secrets of the watches. */
  private mail(): iam.PolicyStatement {
    return allow(recordActions, [this.state.table.tableArn], partitions('m#*', 't#*', 'z#*'));
  }

  /** upkeep is what tick may touch: timers, watches and the deployment's records. */
  private upkeep(): iam.PolicyStatement {
    return allow(['dynamodb:BatchGetItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query'], [this.state.table.tableArn], partitions('t#*', 'w#*', 'z#*'));
  }

  /** progress is how tick learns when a mailbox was last read; it writes nothing of a mailbox. */
  private progress(): iam.PolicyStatement {
    return allow(['dynamodb:GetItem'], [this.state.table.tableArn], partitions('m#*'));
  }

  private due(): iam.PolicyStatement {
    return allow(['dynamodb:Query'], [`${this.state.table.tableArn}/index/due`]);
  }

  /** journal is how provision notes down what it has changed or found, and nothing else of a mailbox. */
  private journal(): iam.PolicyStatement {
    return allow(['dynamodb:BatchGetItem', 'dynamodb:PutItem', 'dynamodb:Query'], [this.state.table.tableArn], partitions('j#*'));
  }

  private lock(): iam.PolicyStatement {
    return allow(['dynamodb:DeleteItem', 'dynamodb:PutItem'], [this.state.table.tableArn], partitions('l#provision'));
  }

  /** provisioning is what provision keeps from one invocation to the next, and the declared mailboxes. */
  private provisioning(): iam.PolicyStatement {
    return allow(['dynamodb:GetItem', 'dynamodb:PutItem'], [this.state.table.tableArn], partitions('z#declared', 'z#drift', 'z#provision/*'));
  }

  private manifest(): iam.PolicyStatement[] {
    const { manifest, manifestParameterArn } = this.state;
    if (!manifest) return [allow(['ssm:GetParameter'], [manifestParameterArn!])];
    return [
      allow(['s3:GetObject', 's3:GetObjectVersion'], [manifest.arnForObjects(manifestKey)]),
      allow(['s3:ListBucket'], [manifest.bucketArn]), // else a manifest that is not there looks like one that may not be read
    ];
  }

  /** tenants is how a function comes by the credentials for Microsoft and Google, of those that were chosen. */
  private tenants(): iam.PolicyStatement[] {
    const { values } = this;
    return [
      ...(values.GraphCredential === 'federated' ? [this.identityToken()] : []),
      ...this.secret(['certificate', 'secret'], 'GraphCredential', 'GraphSecretArn'),
      ...this.secret(['key'], 'GoogleCredential', 'GoogleSecretArn'),
      ...this.secretsKey(),
    ];
  }

  /** administrations is the same for the identities that administer the tenants, and for the app that sets categories. */
  private administrations(): iam.PolicyStatement[] {
    const { values } = this;
    return [
      ...(values.GraphCredential === 'federated' || values.ExchangeCredential === 'federated' ? [this.identityToken()] : []),
      ...this.secret(['certificate', 'secret'], 'GraphCredential', 'GraphSecretArn'),
      ...this.secret(['certificate', 'secret'], 'ExchangeCredential', 'ExchangeSecretArn'),
      ...this.secret(['key'], 'WorkspaceCredential', 'WorkspaceSecretArn'),
      ...this.secretsKey(),
    ];
  }

  private identityToken(): iam.PolicyStatement {
    // The call has no resource to name. What it may give out is bound: for whom, how long, signed how.
    return allow(['sts:GetWebIdentityToken'], ['*'], {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': this.text('GraphAudience') },
      NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
      Null: { 'sts:IdentityTokenAudience': 'false' },
      StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
    });
  }

  /** secret lets a secret be read where the credential is of a kind that is kept in one. */
  private secret(kinds: readonly string[], credential: string, arn: string): iam.PolicyStatement[] {
    return kinds.includes(this.text(credential)) ? [allow(['secretsmanager:GetSecretValue'], [this.text(arn)])] : [];
  }

  private secretsKey(): iam.PolicyStatement[] {
    if (this.values.SecretsKeyArn === '') return [];
    return [allow(['kms:Decrypt'], [this.text('SecretsKeyArn')], { StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(this.scope).region}.amazonaws.com` } })];
  }

  private keyUse(): iam.PolicyStatement[] {
    const { key } = this.state;
    return key ? [allow(['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'], [key.keyArn])] : [];
  }
}

/** What infra/dynamo calls. A transaction is allowed by what is in it. */
const recordActions = ['dynamodb:BatchGetItem', 'dynamodb:BatchWriteItem', 'dynamodb:DeleteItem', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:Query', 'dynamodb:UpdateItem'];

/** partitions limits a statement to items by the beginning of their partition key; infra/dynamo has what each is. */
function partitions(...keys: string[]): Record<string, unknown> {
  return { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } };
}

function allow(actions: string[], resources: string[], conditions?: Record<string, unknown>): iam.PolicyStatement {
  return new iam.PolicyStatement({ actions, resources, conditions: conditions as Record<string, Record<string, unknown>> });
}
