import * as path from 'node:path';
import { CfnOutput, type CustomResource, Stack, Tags } from 'aws-cdk-lib';
import type * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct, type IDependable } from 'constructs';
import { alarms } from './alarms';
import { dashboard } from './dashboard';
import { Functions } from './functions';
import { Hooks } from './hooks';
import { mailbox, type MailboxProps } from './mailbox';
import { type Resolved, resolve } from './settings';
import { State } from './state';

/**
 * PostroomProps is what whoever deploys decides. All of it may be left out; the comments of `settings` and docs/deploy.md
 * say what each is for.
 */
export interface PostroomProps {
  /** Directory with ingest/bootstrap, sync/bootstrap, tick/bootstrap and provision/bootstrap, as "make functions" leaves them. Default: dist of the checkout. */
  readonly functions?: string;

  readonly graphCredential?: 'none' | 'federated' | 'certificate' | 'secret';
  readonly graphTenant?: string;
  readonly graphClient?: string;
  readonly graphCloud?: 'global' | 'usgov' | 'usgov-dod' | 'china';
  readonly graphAudience?: string;
  readonly graphSecretArn?: string;
  readonly graphSecretExpires?: string;

  readonly googleCredential?: 'none' | 'federated' | 'key';
  readonly googleAccount?: string;
  readonly googleProvider?: string;
  readonly googleSecretArn?: string;
  readonly googleKeyExpires?: string;
  readonly googleTopic?: string;
  readonly googleSubscription?: string;
  readonly googlePushAccount?: string;
  readonly googleAudience?: string;

  readonly exchangeCredential?: 'none' | 'federated' | 'certificate' | 'secret';
  readonly exchangeClient?: string;
  readonly exchangeSecretArn?: string;
  readonly exchangeSecretExpires?: string;
  readonly workspaceCredential?: 'none' | 'federated' | 'key';
  readonly workspaceAccount?: string;
  readonly workspaceAdmin?: string;
  readonly workspaceProvider?: string;
  readonly workspaceSecretArn?: string;
  readonly driftSchedule?: string;

  readonly manifestParameter?: string;
  readonly url?: string;
  readonly sweep?: string;
  readonly ownKey?: boolean;
  readonly secretsKeyArn?: string;

  readonly alarmEmail?: string;
  readonly staleMinutes?: number;
  readonly oldestHintSeconds?: number;
  readonly logRetentionDays?: number;
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error';

  readonly syncConcurrency?: number;
  readonly ingestReserved?: number;
  readonly syncReserved?: number;
  readonly tickReserved?: number;
  readonly provisionReserved?: number;
  readonly requestRate?: number;
  readonly requestBurst?: number;
  readonly waf?: boolean;
  readonly wafRate?: number;
}

/**
 * Postroom is one deployment: the state, the queue, the hooks, the functions between them, and what watches over it. One
 * stack holds one of them, because the stack's name is the dimension of its metrics and part of the names of its logs.
 *
 * infra/sam/template.yaml yields the same resources; a test compares the two.
 */
export class Postroom extends Construct {
  readonly table: dynamodb.ITable;
  readonly queue: sqs.IQueue;
  readonly deadLetters: sqs.IQueue;
  /** Where the manifest goes; undefined where it is in an SSM parameter. */
  readonly manifest?: s3.IBucket;
  /** Every alarm goes here. */
  readonly topic: sns.ITopic;
  readonly key?: kms.IKey;
  readonly ingest: lambda.IFunction;
  readonly sync: lambda.IFunction;
  readonly tick: lambda.IFunction;
  /** Administers the tenants; its ARN is the ServiceToken of mailboxes that are declared as resources. */
  readonly provision: lambda.IFunction;
  private readonly provisionGoesOn: readonly IDependable[];
  /** Where Microsoft and Google reach the hooks, without a slash at its end. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: PostroomProps = {}) {
    super(scope, id);
    const values = resolve(props);
    const stack = Stack.of(this);

    const state = new State(this, values);
    const hooks = new Hooks(this, values, state.key);
    const functions = new Functions(this, values, state, hooks.url, props.functions ?? path.resolve(__dirname, '../../../../dist'));
    hooks.serve(functions.ingest);
    const watched = { state, functions };
    alarms(this, values, watched);
    dashboard(this, hooks, watched);
    Tags.of(this).add('application', 'postroom');
    Tags.of(this).add('postroom:stack', stack.stackName);

    this.table = state.table;
    this.queue = state.queue;
    this.deadLetters = state.deadLetters;
    this.manifest = state.manifest;
    this.topic = state.topic;
    this.key = state.key;
    this.ingest = functions.ingest;
    this.sync = functions.sync;
    this.tick = functions.tick;
    this.provision = functions.provision;
    this.provisionGoesOn = functions.provisionGoesOn;
    this.url = hooks.url;
    outputs(this, values, state, functions);
  }

  /**
   * mailbox declares a mailbox, which is made, kept as it says and worked like one of the manifest's. Its members are the
   * manifest's, which has to be in force before. Any stack of the account and region may declare one.
   */
  mailbox(id: string, props: MailboxProps): CustomResource {
    const resource = mailbox(this, id, this.provision, props);
    resource.node.addDependency(...this.provisionGoesOn); // made last and deleted first, what takes long can go on
    return resource;
  }
}

function outputs(postroom: Postroom, values: Resolved, state: State, functions: Functions): void {
  const stack = Stack.of(postroom);
  const output = (name: string, description: string, value: string): void => {
    new CfnOutput(postroom, name, { description, value }).overrideLogicalId(name);
  };
  output('GraphHook', 'Where Microsoft Graph sends notifications; Postroom registers it by itself', `${postroom.url}/hooks/graph`);
  output('GraphLifecycleHook', 'Where Microsoft Graph sends lifecycle notifications; Postroom registers it by itself', `${postroom.url}/hooks/graph/lifecycle`);
  output('GmailHook', 'Endpoint to give to the Pub/Sub push subscription', `${postroom.url}/hooks/gmail`);
  output('Health', 'Answers 200 when the hooks are reached', `${postroom.url}/healthz`);
  output('SyncRoleArn', 'Subject of the first federated credential in Entra, and a role to trust at Google', functions.syncRole.roleArn);
  output('TickRoleArn', 'Subject of the second federated credential in Entra, and the other role to trust at Google', functions.tickRole.roleArn);
  output('ProvisionRoleArn', 'Subject of the federated credentials of the apps that provision works by, and a role to trust at Google for the account that administers', functions.provisionRole.roleArn);
  output('ProvisionFunctionArn', 'ServiceToken of mailboxes that are declared as resources, Custom::PostroomMailbox', functions.provision.functionArn);
  output('TableName', 'The table with all state', state.table.tableName);
  output('QueueUrl', 'The queue of hints', state.queue.queueUrl);
  output('DeadLettersUrl', 'The queue of hints that failed 20 times', state.deadLetters.queueUrl);
  output('TopicArn', 'Alarms are sent to this SNS topic', state.topic.topicArn);
  output('DashboardUrl', 'The dashboard in CloudWatch', `https://${stack.region}.console.aws.amazon.com/cloudwatch/home?region=${stack.region}#dashboards:name=${stack.stackName}`);
  const upload = state.manifest
    ? `aws s3 cp postroom.yaml s3://${state.manifest.bucketName}/postroom.yaml`
    : `aws ssm put-parameter --name ${values.ManifestParameter} --type String --tier Intelligent-Tiering --overwrite --value file://postroom.yaml`;
  output('UploadManifest', 'Puts a new manifest into force within two minutes', upload);
  output('NextStep', 'What to do now', 'Check the manifest with "postroom validate postroom.yaml", then run the command in UploadManifest. docs/deploy.md goes on from there.');
}
