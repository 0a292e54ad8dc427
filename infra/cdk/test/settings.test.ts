import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { demands, property, resolve, type Setting, settings, together, togetherSays } from '../lib/settings';
import { readSam, repository, scenarios } from './template/load';

const sam = readSam();

test('the parameters of the SAM template are the settings', () => {
  const expected = (s: Setting): Record<string, unknown> => ({
    Type: typeof s.default === 'number' ? 'Number' : 'String',
    Default: s.default,
    Description: s.description,
    ...(s.values && { AllowedValues: s.values }),
    ...(s.pattern && { AllowedPattern: s.pattern }),
    ...(s.says && { ConstraintDescription: s.says }),
    ...(s.min !== undefined && { MinValue: s.min }),
    ...(s.max !== undefined && { MaxValue: s.max }),
  });
  assert.deepEqual(sam.Parameters, Object.fromEntries(settings.map((s) => [s.name, expected(s)])));
});

test('the console shows the parameters in the groups of the settings', () => {
  const shown = (sam.Metadata!['AWS::CloudFormation::Interface'] as { ParameterGroups: { Label: { default: string }; Parameters: string[] }[] }).ParameterGroups;
  const groups = [...new Set(settings.map((s) => s.group))];
  assert.deepEqual(shown, groups.map((g) => ({ Label: { default: g }, Parameters: settings.filter((s) => s.group === g).map((s) => s.name) })));
});

test('the rules of the SAM template are the demands', () => {
  const given = (name: string): unknown => ({ 'Fn::Not': [{ 'Fn::Equals': [{ Ref: name }, ''] }] });
  const all = (names: readonly string[], says: string): unknown[] => names.map((name) => ({ Assert: given(name), AssertDescription: says }));
  const expected = Object.fromEntries([
    ...demands.map((d) => {
      const [[name, words]] = Object.entries(d.when);
      return [d.name, { RuleCondition: { 'Fn::Contains': [words, { Ref: name }] }, Assertions: all(d.then, d.says) }];
    }),
    ...together.map((t) => [`${t}NeedsOthers`, { RuleCondition: given(t), Assertions: all(together.filter((o) => o !== t), togetherSays) }]),
  ]);
  assert.deepEqual(sam.Rules, expected);
});

test('CloudFormation takes the parameters', () => {
  assert.ok(settings.length <= 200, 'more than 200 parameters');
  for (const s of settings) {
    assert.ok(s.description.length <= 4000, `${s.name}: the description is too long`);
    assert.equal(resolve({})[s.name], s.default, `${s.name}: the default is not taken`);
  }
});

test('docs/deploy.md explains every parameter, and asks for outputs that there are', () => {
  const page = fs.readFileSync(path.join(repository, 'docs/deploy.md'), 'utf8');
  const table = page.split('\n').filter((line) => line.startsWith('| `')).map((line) => line.split('|')[1]).join();
  assert.deepEqual(settings.map((s) => s.name).filter((name) => !table.includes(`\`${name}\``)), []);
  const pages = page + fs.readFileSync(path.join(repository, 'docs/operations.md'), 'utf8');
  const asked = new Set([...pages.matchAll(/\$\(outputs ([A-Za-z]+)\)/g)].map(([, name]) => name));
  assert.ok(asked.size > 3);
  assert.deepEqual([...asked].filter((name) => !(name in sam.Outputs!)), []);
});

test('the scenarios may be deployed, and use every setting', () => {
  const used = new Set(Object.values(scenarios).flatMap((p) => Object.keys(p)));
  assert.deepEqual(settings.map((s) => s.name).filter((name) => !used.has(name)), []);
  for (const parameters of Object.values(scenarios)) resolve(Object.fromEntries(Object.entries(parameters).map(([k, v]) => [property(k), v])));
});

const refused: readonly [name: string, props: Record<string, unknown>, says: RegExp][] = [
  ['a word that there is not', { graphCredential: 'password' }, /graphCredential: write one of none, federated, certificate, secret/],
  ['a secret in place of its ARN', { graphCredential: 'certificate', graphTenant: 't', graphClient: 'c', graphSecretArn: 'hunter2' }, /graphSecretArn: Write the whole ARN of the secret/],
  ['no tenant', { graphCredential: 'federated', graphClient: 'c' }, /graphTenant: With mailboxes at Microsoft 365, give the tenant/],
  ['no day on which the client secret ends', { graphCredential: 'secret', graphTenant: 't', graphClient: 'c', graphSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:x' }, /graphSecretExpires: With a client secret, give the day/],
  ['a day that there is not', { googleKeyExpires: '2027-13-01' }, /googleKeyExpires: Write the day as 2027-01-31/],
  ['a topic alone', { googleTopic: 'projects/p/topics/t' }, /googleTopic, googleSubscription, googlePushAccount: Topic, push subscription and push account go together/],
  ['a URL without encryption', { url: 'http://postroom.contoso.com' }, /url: Write an https URL/],
  ['a URL with a slash at its end', { url: 'https://postroom.contoso.com/' }, /url: Write an https URL without a slash/],
  ['too few at once', { syncConcurrency: 1 }, /syncConcurrency: write a number from 2 to 1000/],
  ['a number in words', { staleMinutes: '60' }, /staleMinutes: write a number/],
  ['an app for Exchange without its id', { exchangeCredential: 'federated', graphTenant: 't' }, /exchangeClient: To administer Exchange Online/],
  ['nobody for whom the Workspace is administered', { workspaceCredential: 'key', workspaceSecretArn: 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:x' }, /workspaceAdmin: To administer Google Workspace/],
  ['a schedule in words', { driftSchedule: 'daily' }, /driftSchedule: Write rate\(1 day\)/],
  ['a sweep over a day', { sweep: '25h' }, /sweep: Write minutes or hours/],
];

for (const [name, props, says] of refused) {
  test(`refused: ${name}`, () => {
    assert.throws(() => resolve(props), says);
    assert.throws(() => resolve(props), (err: Error) => !err.message.includes('hunter2'), 'a value that may be a secret is repeated');
  });
}

test('everything that is wrong is told at once', () => {
  assert.throws(() => resolve({ sweep: 'often', waf: true, wafRate: 1 }), /sweep: .*\n.*wafRate: /);
});
