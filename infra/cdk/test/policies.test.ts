import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { evaluate, type Evaluated } from './template/evaluate';
import { readSam, repository, scenarios } from './template/load';
import { expand } from './template/serverless';

// The policies of the SAM template; that the CDK yields the same, same.test.ts shows.

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: string | string[];
  readonly Condition?: Record<string, Record<string, unknown>>;
}

/** Actions for which AWS has no resource to name, and what holds them instead. */
const anywhere: Readonly<Record<string, string>> = {
  'xray:PutTelemetryRecords': 'nothing: it writes traces of the function itself',
  'xray:PutTraceSegments': 'nothing: it writes traces of the function itself',
  'sts:GetWebIdentityToken': 'a condition on audience, length of life and algorithm',
};

/** Actions that no code of ours calls, and who does. */
const called: Readonly<Record<string, string>> = {
  'logs:CreateLogStream': 'Lambda', 'logs:PutLogEvents': 'Lambda', 'xray:PutTelemetryRecords': 'Lambda', 'xray:PutTraceSegments': 'Lambda',
  'sqs:DeleteMessage': 'the event source mapping', 'sqs:GetQueueAttributes': 'the event source mapping', 'sqs:ReceiveMessage': 'the event source mapping',
  'lambda:InvokeFunction': 'EventBridge Scheduler',
  's3:ListBucket': 'S3, to tell a missing object from a refused one',
  'kms:Decrypt': 'DynamoDB, SQS, S3 and Secrets Manager in our name', 'kms:DescribeKey': 'DynamoDB in our name', 'kms:Encrypt': 'DynamoDB in our name',
  'kms:GenerateDataKey': 'SQS and DynamoDB in our name', 'kms:ReEncryptFrom': 'DynamoDB in our name', 'kms:ReEncryptTo': 'DynamoDB in our name',
};

const evaluated = Object.entries(scenarios).map(([name, parameters]): [string, Evaluated] => [name, evaluate(expand(readSam()), parameters)]);

for (const [name, e] of evaluated) {
  test(`no policy allows more than it names: ${name}`, () => {
    for (const { role, statement } of statements(e)) {
      assert.equal(statement.Effect, 'Allow', role);
      for (const action of [statement.Action].flat()) {
        assert.ok(/^[a-z0-9]+:[A-Za-z]+$/.test(action), `${role}: ${action} is not one action`);
        for (const resource of [statement.Resource!].flat()) {
          if (resource === '*') assert.ok(action in anywhere, `${role}: ${action} on everything`);
          else assert.ok(!/[*?]/.test(resource.replace(/^<[A-Za-z]+\.Arn>/, '')), `${role}: ${action} on ${resource}`);
        }
      }
    }
  });

  test(`each function has a role that nothing else has: ${name}`, () => {
    const roles = of(e, 'AWS::Lambda::Function').map(([, r]) => r.Role as string);
    assert.equal(new Set(roles).size, roles.length);
    assert.equal(roles.length, 4);
    for (const [role, r] of of(e, 'AWS::IAM::Role')) {
      const users = JSON.stringify(e.resources).split(`<${role}.Arn>`).length - 1;
      // provision may invoke itself, which is written at the function.
      assert.equal(users, role === 'ProvisionRole' ? 2 : role === 'ScheduleRole' && e.conditions.DriftLookedFor ? 2 : 1, `${role} has ${users} users`);
      const trusted = (r.AssumeRolePolicyDocument as { Statement: { Principal: unknown; Action: string }[] }).Statement;
      assert.deepEqual(trusted.map((s) => [s.Action, s.Principal]), [['sts:AssumeRole', { Service: role === 'ScheduleRole' ? 'scheduler.amazonaws.com' : 'lambda.amazonaws.com' }]]);
      assert.ok(!('ManagedPolicyArns' in r), `${role} has a policy that is written elsewhere`);
    }
    assert.deepEqual(of(e, 'AWS::IAM::Policy'), [], 'a policy beside the roles');
  });

  test(`what is open to others is so only as far as it must: ${name}`, () => {
    for (const [permission, p] of of(e, 'AWS::Lambda::Permission')) {
      if (permission === 'ProvisionItself') assert.deepEqual([p.FunctionName, p.Principal], ['<ProvisionFunction.Arn>', '<ProvisionRole.Arn>']);
      else assert.match(String(p.SourceArn), /<(HttpApi|RestApi)>\/\*$/, permission);
    }
    for (const type of ['AWS::SQS::QueuePolicy', 'AWS::S3::BucketPolicy']) {
      for (const [policy, p] of of(e, type)) {
        for (const s of (p.PolicyDocument as { Statement: Statement[] }).Statement) assert.deepEqual([s.Effect, s.Condition], ['Deny', { Bool: { 'aws:SecureTransport': 'false' } }], policy);
      }
    }
    // A key's policy names the key itself as "*", and gives the account's own policies the say over it.
    for (const [key, p] of of(e, 'AWS::KMS::Key')) {
      for (const s of (p.KeyPolicy as { Statement: (Statement & { Principal: { AWS?: string } })[] }).Statement) {
        if (s.Principal.AWS) assert.deepEqual([s.Principal.AWS, s.Action], ['arn:aws:iam::123456789012:root', 'kms:*'], key);
        else assert.ok(s.Condition && ![s.Action].flat().some((a) => a.includes('*')), `${key}: ${JSON.stringify(s)}`);
      }
    }
  });
}

test('everything that may be done on everything is bound otherwise', () => {
  const federated = evaluated.flatMap(([, e]) => statements(e)).filter(({ statement }) => [statement.Action].flat().includes('sts:GetWebIdentityToken'));
  assert.equal(federated.length, 3, 'sync, tick and provision, in one scenario');
  for (const { statement } of federated) {
    assert.deepEqual(statement.Condition, {
      'ForAllValues:StringEquals': { 'sts:IdentityTokenAudience': 'api://AzureADTokenExchangeUSGov' },
      NumericLessThanEquals: { 'sts:DurationSeconds': '300' },
      Null: { 'sts:IdentityTokenAudience': 'false' },
      StringEquals: { 'sts:SigningAlgorithm': 'RS256' },
    });
  }
});

test('ingest, which strangers reach, has no way to mail, manifest or credentials', () => {
  for (const [name, e] of evaluated) {
    const own = statements(e).filter(({ role }) => role === 'IngestRole').map(({ statement }) => statement);
    const services = new Set(own.flatMap((s) => [s.Action].flat().map((a) => a.split(':')[0])));
    services.delete('kms');
    assert.deepEqual([...services].sort(), ['dynamodb', 'logs', 'sqs', 'xray'], name);
    const table = own.filter((s) => JSON.stringify(s.Action).includes('dynamodb:'));
    assert.deepEqual(table.map((s) => s.Condition), [{ 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['w#*', 't#*'] } }], name);
    assert.deepEqual(own.filter((s) => JSON.stringify(s.Action).includes('sqs:')).map((s) => s.Action), ['sqs:SendMessage'], name);
  }
});

test('tick, which sees to watches, writes nothing of a mailbox', () => {
  for (const [name, e] of evaluated) {
    const table = statements(e).filter(({ role, statement }) => role === 'TickRole' && JSON.stringify(statement.Action).includes('dynamodb:')).map(({ statement }) => statement);
    for (const s of table.filter((x) => x.Resource === '<Table.Arn>')) {
      const partitions = s.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'];
      assert.ok(Array.isArray(partitions), `${name}: ${JSON.stringify(s)} is of every partition`);
      if (partitions.includes('m#*')) assert.deepEqual([s.Action].flat(), ['dynamodb:GetItem'], name);
    }
  }
});

test('provision, which administers the tenants, reads no mail and no secret of the runtime but that for categories', () => {
  for (const [name, e] of evaluated) {
    const own = statements(e).filter(({ role }) => role === 'ProvisionRole').map(({ statement }) => statement);
    const table = own.filter((s) => JSON.stringify(s.Action).includes('dynamodb:'));
    const partitions = table.flatMap((s) => s.Condition?.['ForAllValues:StringLike']?.['dynamodb:LeadingKeys'] as string[]);
    assert.deepEqual(partitions.sort(), ['j#*', 'l#provision', 'z#declared', 'z#drift', 'z#provision/*'], name);
    assert.ok(!JSON.stringify(own).includes('sqs:'), name);
    assert.deepEqual(own.filter((s) => s.Action === 'sns:Publish').map((s) => s.Resource), ['<Topic>'], name);
    if (scenarios[name].GoogleSecretArn) assert.ok(!JSON.stringify(own).includes(String(scenarios[name].GoogleSecretArn)), name);
  }
});

test('nobody but provision has the identities that administer the tenants', () => {
  for (const [name, e] of evaluated) {
    for (const secret of ['ExchangeSecretArn', 'WorkspaceSecretArn'].flatMap((p) => scenarios[name][p] ?? [])) {
      const roles = statements(e).filter(({ statement }) => JSON.stringify(statement).includes(String(secret))).map(({ role }) => role);
      assert.deepEqual(roles, ['ProvisionRole'], `${name}: ${secret}`);
    }
  }
});

test('a secret may be read only where it was chosen', () => {
  for (const [name, e] of evaluated) {
    const readable = new Set(statements(e).filter(({ statement }) => statement.Action === 'secretsmanager:GetSecretValue').flatMap(({ statement }) => [statement.Resource!].flat()));
    const chosen = ['GraphSecretArn', 'GoogleSecretArn', 'ExchangeSecretArn', 'WorkspaceSecretArn'].flatMap((p) => scenarios[name][p] ?? []);
    assert.deepEqual([...readable].sort(), [...chosen].sort(), name);
  }
});

test('what is allowed is what the code calls', () => {
  const allowed = new Set(evaluated.flatMap(([, e]) => statements(e)).flatMap(({ statement }) => [statement.Action].flat()).filter((a) => !(a in called)));
  assert.deepEqual([...allowed].sort(), [...calls()].sort());
});

test('the partitions in the policies are those of the table', () => {
  const keys = source('infra/dynamo');
  const named = new Set(JSON.stringify(evaluated.map(([, e]) => statements(e))).match(/"[a-z]#\*"/g)?.map((k) => k.slice(1, 3)));
  assert.deepEqual([...named].sort(), ['j#', 'm#', 't#', 'w#', 'z#']);
  assert.ok(keys.includes('key{"l#provision",'), 'infra/dynamo has its lock elsewhere');
  const boot = source('functions/boot');
  for (const record of ['declared', 'drift', 'provision/']) assert.ok(boot.includes(`= "${record}"`), `functions/boot has no record ${record}`);
  for (const prefix of named) assert.ok(keys.includes(`"${prefix}" +`), `infra/dynamo has no partitions that begin with ${prefix}`);
});

function of(e: Evaluated, type: string): [string, Record<string, unknown>][] {
  return Object.entries(e.resources).filter(([, r]) => r.type === type).map(([name, r]) => [name, r.properties]);
}

function statements(e: Evaluated): { role: string; statement: Statement }[] {
  return of(e, 'AWS::IAM::Role').flatMap(([role, r]) =>
    (r.Policies as { PolicyDocument: { Statement: Statement[] } }[]).flatMap((p) => p.PolicyDocument.Statement.map((statement) => ({ role, statement }))));
}

/** calls reads out of our Go code what it asks AWS for, in the words of IAM. */
function calls(): Set<string> {
  const found = new Set<string>();
  const dynamo = source('infra/dynamo');
  for (const [, call] of dynamo.matchAll(/\bclient\.([A-Z][A-Za-z]+)\(/g)) if (call !== 'TransactWriteItems') found.add(`dynamodb:${call}`);
  for (const [, kind] of dynamo.matchAll(/&types\.(Put|Update|Delete|ConditionCheck)\{/g)) found.add(kind === 'ConditionCheck' ? 'dynamodb:ConditionCheckItem' : `dynamodb:${kind}Item`);
  for (const [, call] of source('infra/sqs').matchAll(/\bClient\.([A-Z][A-Za-z]+?)(?:Batch)?\(/g)) found.add(`sqs:${call}`);
  const document = source('infra/document');
  for (const [, call] of document.matchAll(/\bclient\.([A-Z][A-Za-z]+)\(/g)) found.add(call === 'GetParameter' ? 'ssm:GetParameter' : 's3:GetObject'); // a HEAD is a GET to IAM
  if (document.includes('VersionId')) found.add('s3:GetObjectVersion');
  const identity = source('infra/identity');
  for (const [, call] of identity.matchAll(/\.(GetWebIdentityToken|GetSecretValue)\(ctx/g)) found.add(call === 'GetSecretValue' ? 'secretsmanager:GetSecretValue' : 'sts:GetWebIdentityToken');
  const boot = source('functions/boot');
  if (/\bsns\.NewFromConfig/.test(boot)) for (const [, call] of boot.matchAll(/client\.(Publish)\(ctx, &sns\./g)) found.add(`sns:${call}`);
  return found;
}

/** source is the Go code of a package, without its tests. */
function source(dir: string): string {
  const at = path.join(repository, dir);
  const files = fs.readdirSync(at).filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'));
  assert.ok(files.length > 0, `${dir} has no Go files`);
  return files.map((f) => fs.readFileSync(path.join(at, f), 'utf8')).join('\n');
}
