import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { evaluate } from './template/evaluate';
import { readSam, repository, scenarios } from './template/load';
import { expand } from './template/serverless';

/** The variables that functions/boot reads, from the comments of Deployment; those for simulated tenants are for tests. */
const read = [...fs.readFileSync(path.join(repository, 'functions/boot/deployment.go'), 'utf8').matchAll(/\/\/ (POSTROOM_[A-Z_]+)\b/g)]
  .map(([, name]) => name)
  .filter((name) => !name.startsWith('POSTROOM_SIMULATED_'));

test('the functions are given the variables that the code reads, each of them somewhere', () => {
  assert.ok(read.length > 20, 'the comments of Deployment cannot be read any more');
  for (const [name, parameters] of Object.entries(scenarios)) {
    const given = Object.values(environments(parameters)).flatMap((e) => Object.keys(e));
    assert.deepEqual([...new Set(given)].sort(), [...read].sort(), name);
  }
});

test('ingest is told nothing of the credentials', () => {
  assert.deepEqual(Object.keys(environments({}).IngestFunction).sort(), [
    'POSTROOM_GOOGLE_AUDIENCE', 'POSTROOM_GOOGLE_PUSH_ACCOUNT', 'POSTROOM_GOOGLE_SUBSCRIPTION', 'POSTROOM_LOG_LEVEL', 'POSTROOM_QUEUE', 'POSTROOM_STACK', 'POSTROOM_TABLE', 'POSTROOM_URL',
  ]);
});

test('a variable has the value of its parameter', () => {
  for (const [name, parameters] of Object.entries(scenarios)) {
    const all: Record<string, unknown> = Object.assign({}, ...Object.values(environments(parameters)));
    for (const [parameter, value] of Object.entries(parameters)) {
      const [variable] = read.filter((v) => v.replaceAll('_', '') === `POSTROOM${parameter.toUpperCase()}`);
      if (variable) assert.equal(all[variable], value, `${name}: ${variable}`);
    }
  }
});

test('the log names a stale mailbox when the alarm comes', () => {
  assert.equal(environments({}).TickFunction.POSTROOM_STALE, '60m');
  assert.equal(environments(scenarios.federated).TickFunction.POSTROOM_STALE, '240m');
});

test('a provider that is not used has no credential', () => {
  const { POSTROOM_GRAPH_CREDENTIAL, POSTROOM_GOOGLE_CREDENTIAL } = environments({}).SyncFunction;
  assert.deepEqual([POSTROOM_GRAPH_CREDENTIAL, POSTROOM_GOOGLE_CREDENTIAL], ['', '']);
});

test('the manifest is where it was chosen to be', () => {
  assert.equal(environments({}).TickFunction.POSTROOM_MANIFEST, 's3://<ManifestBucket>/postroom.yaml');
  assert.equal(environments(scenarios.secrets).TickFunction.POSTROOM_MANIFEST, 'ssm:/postroom/manifest');
});

test('the functions know the address that the providers are told', () => {
  const http = environments({});
  assert.equal(http.IngestFunction.POSTROOM_URL, 'https://<HttpApi>.execute-api.eu-central-1.amazonaws.com');
  assert.equal(environments(scenarios.guarded).IngestFunction.POSTROOM_URL, 'https://<RestApi>.execute-api.eu-central-1.amazonaws.com/v1');
  assert.equal(environments(scenarios.secrets).IngestFunction.POSTROOM_URL, 'https://postroom.contoso.com');
  for (const parameters of Object.values(scenarios)) {
    const e = environments(parameters);
    assert.equal(e.TickFunction.POSTROOM_URL, e.IngestFunction.POSTROOM_URL);
  }
});

test('what is given to a function fits into 4 KB', () => {
  for (const parameters of Object.values(scenarios)) {
    for (const [fn, e] of Object.entries(environments(parameters))) assert.ok(JSON.stringify(e).length < 3072, fn);
  }
});

// The SDK hands on how long the chain of invocations is ("Lambda recursive loop detection"), and Lambda ends one that a function
// keeps going by the queue that invokes it, unless it is told that this is meant.
test('sync may go on with a listing by the queue that invokes it', () => {
  const e = evaluate(expand(readSam())).resources;
  const sends = (role: string): boolean => JSON.stringify(e[role].properties).includes('sqs:SendMessage');
  for (const source of Object.values(e).filter((r) => r.type === 'AWS::Lambda::EventSourceMapping')) {
    const [, fn] = /^<(\w+)\.Arn>$/.exec(String(source.properties.FunctionName))!;
    const [, role] = /^<(\w+)\.Arn>$/.exec(String(e[fn].properties.Role))!;
    assert.equal(e[fn].properties.RecursiveLoop, sends(role) ? 'Allow' : undefined, fn);
  }
});

test('provision may go on by invoking itself', () => {
  const e = evaluate(expand(readSam())).resources;
  assert.equal(e.ProvisionFunction.properties.RecursiveLoop, 'Allow');
  assert.equal(e.ProvisionFunction.properties.Timeout, 900);
});

test('provision alone is told who administers the tenants', () => {
  for (const [fn, variables] of Object.entries(environments(scenarios.secrets))) {
    const told = Object.keys(variables).filter((name) => /^POSTROOM_(EXCHANGE|WORKSPACE|TOPIC)/.test(name) && name !== 'POSTROOM_EXCHANGE_SECRET_EXPIRES');
    assert.equal(told.length > 0, fn === 'ProvisionFunction', fn);
  }
});

test('the provider of the account that administers is that of the other, unless it is given', () => {
  assert.equal(environments(scenarios.federated).ProvisionFunction.POSTROOM_WORKSPACE_PROVIDER, scenarios.federated.GoogleProvider);
  assert.equal(environments(scenarios.guarded).ProvisionFunction.POSTROOM_WORKSPACE_PROVIDER, scenarios.guarded.WorkspaceProvider);
});

function environments(parameters: Readonly<Record<string, string | number>>): Record<string, Record<string, unknown>> {
  const all = Object.entries(evaluate(expand(readSam()), parameters).resources).filter(([, r]) => r.type === 'AWS::Lambda::Function');
  return Object.fromEntries(all.map(([name, r]) => [name, (r.properties.Environment as { Variables: Record<string, unknown> }).Variables]));
}
