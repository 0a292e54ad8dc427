import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as dynamodb from 'aws-cdk-lib/aws-dynamodb';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Resolved } from './settings';

/** The manifest's key in its bucket. */
export const manifestKey = 'postroom.yaml';

/** What a function of the queue may take before its hint is given to another, in seconds. Its timeout is under that. */
const visibility = Duration.seconds(180);

/** State is what must outlive the functions: the table, the queue, the manifest, the topic of the alarms, and their key. */
export class State {
  readonly key?: kms.Key;
  readonly table: dynamodb.Table;
  readonly queue: sqs.Queue;
  readonly deadLetters: sqs.Queue;
  readonly manifest?: s3.Bucket;
  readonly manifestUri: string;
  readonly manifestParameterArn?: string;
  readonly topic: sns.Topic;

  constructor(scope: Construct, values: Resolved) {
    const stack = Stack.of(scope);
    if (values.OwnKey === 'yes') this.key = ownKey(scope);
    this.table = table(scope, this.key);

    const encryption = this.key ? { encryption: sqs.QueueEncryption.KMS, encryptionMasterKey: this.key } : { encryption: sqs.QueueEncryption.SQS_MANAGED };
    const fifo = {
      ...encryption,
      fifo: true,
      // High throughput: the limit and the dedup window count for each mailbox, not for the queue.
      fifoThroughputLimit: sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
      deduplicationScope: sqs.DeduplicationScope.MESSAGE_GROUP,
      enforceSSL: true,
    };
    this.deadLetters = new sqs.Queue(scope, 'DeadLetters', { ...fifo, retentionPeriod: Duration.days(14) });
    this.queue = new sqs.Queue(scope, 'Queue', {
      ...fifo,
      visibilityTimeout: visibility,
      retentionPeriod: Duration.days(4),
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: 20 },
    });

    if (values.ManifestParameter === '') {
      this.manifest = new s3.Bucket(scope, 'ManifestBucket', {
        versioned: true, // a manifest that is refused, or lost by accident, has its predecessor there
        encryption: this.key ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
        encryptionKey: this.key,
        bucketKeyEnabled: this.key ? true : undefined,
        blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
        objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
        enforceSSL: true,
        removalPolicy: RemovalPolicy.RETAIN,
      });
      this.manifestUri = `s3://${this.manifest.bucketName}/${manifestKey}`;
    } else {
      this.manifestUri = `ssm:${values.ManifestParameter}`;
      this.manifestParameterArn = stack.formatArn({ service: 'ssm', resource: `parameter${values.ManifestParameter}` });
    }

    // The key that AWS manages for SNS does not let CloudWatch send, hence none without a key of one's own. Alarms name
    // metrics, no mail.
    this.topic = new sns.Topic(scope, 'Topic', { displayName: 'Postroom', masterKey: this.key });
    if (values.AlarmEmail !== '') {
      new sns.CfnSubscription(scope, 'AlarmSubscription', { topicArn: this.topic.topicArn, protocol: 'email', endpoint: String(values.AlarmEmail) });
    }
  }
}

/** table has the shape of Definition in infra/dynamo, whose package comment explains the keys. */
function table(scope: Construct, key?: kms.Key): dynamodb.Table {
  const t = new dynamodb.Table(scope, 'Table', {
    partitionKey: { name: 'p', type: dynamodb.AttributeType.STRING },
    sortKey: { name: 's', type: dynamodb.AttributeType.STRING },
    billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    encryption: key ? dynamodb.TableEncryption.CUSTOMER_MANAGED : dynamodb.TableEncryption.AWS_MANAGED,
    encryptionKey: key,
    stream: dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  t.addGlobalSecondaryIndex({
    indexName: 'due',
    partitionKey: { name: 'd', type: dynamodb.AttributeType.STRING },
    sortKey: { name: 't', type: dynamodb.AttributeType.NUMBER },
    projectionType: dynamodb.ProjectionType.KEYS_ONLY,
  });
  return t;
}

/** ownKey is for everything that is kept, and lets the services use it that work in our name. */
function ownKey(scope: Construct): kms.Key {
  const stack = Stack.of(scope);
  const key = new kms.Key(scope, 'Key', { description: `Postroom ${stack.stackName}`, enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN });
  key.addToResourcePolicy(new iam.PolicyStatement({
    sid: 'AlarmsToTopic',
    principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
    actions: ['kms:Decrypt', 'kms:GenerateDataKey'],
    resources: ['*'], // in a key's policy: this key
    conditions: { StringEquals: { 'aws:SourceAccount': stack.account } },
  }));
  const logs = (name: string): string => stack.formatArn({ service: 'logs', resource: `log-group:${name}` });
  key.addToResourcePolicy(new iam.PolicyStatement({
    sid: 'Logs',
    principals: [new iam.ServicePrincipal(`logs.${stack.region}.amazonaws.com`)],
    actions: ['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
    resources: ['*'],
    conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': [logs(`/postroom/${stack.stackName}/*`), logs(`/aws/vendedlogs/postroom/${stack.stackName}/*`), logs(`aws-waf-logs-postroom-${stack.stackName}`)] } },
  }));
  return key;
}
