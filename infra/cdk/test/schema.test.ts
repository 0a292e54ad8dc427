import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { test } from 'node:test';
import { evaluate, type Evaluated, type Template } from './template/evaluate';
import { props, readSam, samFile, scenarios, synthesise } from './template/load';
import { specification, violations } from './template/schema';
import { expand, globals } from './template/serverless';

for (const [name, parameters] of Object.entries(scenarios)) {
  test(`the SAM template keeps to the schemas of AWS: ${name}`, () => {
    assert.deepEqual(violations(evaluate(globals(readSam()), parameters)), []);
    assert.deepEqual(violations(evaluate(expand(codeOf(readSam())), parameters)), [], 'as Lambda functions');
  });
  test(`the CDK template keeps to the schemas of AWS: ${name}`, () => {
    assert.deepEqual(violations(evaluate(synthesise(props(parameters)))), []);
  });
  test(`what takes tags has them: ${name}`, () => {
    for (const [resource, r] of Object.entries(evaluate(globals(readSam()), parameters).resources)) {
      const tags = specification(r.type)?.tagInformation;
      if (tags) assert.ok(JSON.stringify(r.properties[tags.tagPropertyName] ?? '').includes('postroom:stack'), `${resource} (${r.type}) has no tags`);
    }
  });
}

test('the scenarios have every condition both ways', () => {
  const seen: Record<string, Set<boolean>> = {};
  for (const parameters of Object.values(scenarios)) {
    for (const [name, holds] of Object.entries(evaluate(readSam(), parameters).conditions)) (seen[name] ??= new Set()).add(holds);
  }
  assert.deepEqual(Object.entries(seen).filter(([, ways]) => ways.size < 2).map(([name]) => name), []);
});

// A checker that lets everything pass would do so in silence, so the SAM template is broken in each way on its own.
const broken: readonly [name: string, from: string, to: string, complaint: RegExp][] = [
  ['a resource type that is not there', 'Type: AWS::SNS::Topic', 'Type: AWS::SNS::Topics', /Topic: there is no resource type AWS::SNS::Topics/],
  ['a misspelt property', 'VisibilityTimeout: 180', 'VisibilityTimeOut: 180', /Queue: there is no property VisibilityTimeOut/],
  ['a misspelt property further down', 'ScalingConfig: {MaximumConcurrency:', 'ScalingConfig: {MaxConcurrency:', /SyncSource.ScalingConfig: there is no property MaxConcurrency/],
  ['a misspelt property of a SAM function', 'LoggingConfig: {LogGroup: !Ref IngestLogs}', 'LoggingConfiguration: {LogGroup: !Ref IngestLogs}', /IngestFunction: there is no property LoggingConfiguration/],
  ['a misspelt property in a rule of the firewall', 'AggregateKeyType: IP', 'AggregateKeys: IP', /WebAcl.Rules\[3\].Statement.RateBasedStatement: (AggregateKeyType is missing|there is no property AggregateKeys)/],
  ['a required property left out', 'ScheduleExpression: rate(1 minute)\n', '\n', /EachMinute: ScheduleExpression is missing/],
  ['a text for a number', 'MessageRetentionPeriod: 345600', "MessageRetentionPeriod: '4 days'", /Queue.MessageRetentionPeriod: "4 days" is no whole number/],
  ['a text for a boolean', 'DeletionProtectionEnabled: true', "DeletionProtectionEnabled: 'true'", /Table.DeletionProtectionEnabled: "true" is no boolean/],
  ['one value for a list', 'AlarmActions: [!Ref Topic]', 'AlarmActions: !Ref Topic', /Alarm.AlarmActions: "<Topic>" is no list/],
  ['a value that is not allowed', 'Scope: REGIONAL', 'Scope: LOCAL', /WebAcl.Scope: LOCAL is not one of CLOUDFRONT, REGIONAL/],
  ['a tag without a key', "Tags: [{Key: application, Value: postroom}", "Tags: [{Name: application, Value: postroom}", /Tags\[0\]: Key is missing/],
  ['an attribute that there is not', '!GetAtt WebAcl.Arn', '!GetAtt WebAcl.Url', /WebAcl: AWS::WAFv2::WebACL has no attribute Url/],
  ['a reference to nothing', '!Ref HooksPath', '!Ref HookPath', /there is no resource or parameter HookPath/],
  ['a condition that there is not', 'Condition: WithWaf\n', 'Condition: WithFirewall\n', /there is no condition WithFirewall/],
  ['a reference across a condition', 'ResourceArn: !GetAtt WebAcl.Arn', 'ResourceArn: !GetAtt HttpApi.ApiEndpoint', /HttpApi is referred to where its condition WithoutWaf does not hold/],
];

for (const [name, from, to, complaint] of broken) {
  test(`a broken copy is found: ${name}`, () => {
    const text = fs.readFileSync(samFile, 'utf8');
    assert.ok(text.includes(from), `the template has no ${from} to break`);
    assert.match(complaints(readSam(text.replaceAll(from, to))), complaint);
  });
}

test('a broken copy of what the CDK yields is found', () => {
  const t = synthesise(props(scenarios.guarded)) as unknown as { Resources: Record<string, { Type: string; Properties: Record<string, unknown> }> };
  const of = (type: string): Record<string, unknown> => Object.values(t.Resources).find((r) => r.Type === type)!.Properties;
  of('AWS::DynamoDB::Table').BilingMode = 'PAY_PER_REQUEST';
  of('AWS::KMS::Key').EnableKeyRotation = 'yes';
  delete of('AWS::Lambda::EventInvokeConfig').Qualifier;
  of('AWS::Logs::LogGroup').RetentionInDays = 31;
  const found = violations(evaluate(t as unknown as Template)).join('\n');
  for (const complaint of [/there is no property BilingMode/, /EnableKeyRotation: "yes" is no boolean/, /Qualifier is missing/, /RetentionInDays: 31 is not one of/]) assert.match(found, complaint);
});

/** complaints is all that is found in any scenario. */
function complaints(t: Template): string {
  return Object.values(scenarios).flatMap((parameters) => {
    let e: Evaluated;
    try {
      e = evaluate(globals(t), parameters);
    } catch (err) {
      return [(err as Error).message];
    }
    return violations(e);
  }).join('\n');
}

/** codeOf gives the functions the code that "sam deploy" puts into a bucket. */
function codeOf(t: Template): Template {
  return { ...t, Globals: { Function: { ...t.Globals?.Function, CodeUri: { S3Bucket: 'bucket', S3Key: 'key' } } } };
}
