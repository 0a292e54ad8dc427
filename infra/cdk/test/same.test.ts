import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constructNames, evaluate, type Evaluated } from './template/evaluate';
import { props, readSam, scenarios, synthesise } from './template/load';
import { expand } from './template/serverless';

/**
 * Where the two may differ. Code: SAM uploads what it has built, the CDK what "make functions" has built. AWS adds tags of
 * its own (lambda:createdBy, aws:cloudformation:…) that are in neither template.
 */
const intended: readonly string[] = ['AWS::Lambda::Function Code'];

for (const [name, parameters] of Object.entries(scenarios)) {
  test(`SAM and CDK yield the same resources: ${name}`, () => {
    const template = synthesise(props(parameters));
    const cdk = comparable(evaluate(template, {}, constructNames(template)));
    const sam = comparable(evaluate(expand(readSam()), parameters));
    assert.deepEqual(Object.keys(sam.resources).sort(), Object.keys(cdk.resources).sort());
    for (const resource of Object.keys(sam.resources)) assert.deepEqual(sam.resources[resource], cdk.resources[resource], resource);
    assert.deepEqual(sam.outputs, cdk.outputs);
  });
}

test('a difference is noticed', () => {
  const template = synthesise(props({}));
  const names = constructNames(template);
  const before = comparable(evaluate(template, {}, names));
  const [fn] = Object.values(template.Resources).filter((r) => r.Type === 'AWS::Lambda::Function');
  const [role] = Object.values(template.Resources).filter((r) => r.Type === 'AWS::IAM::Role');
  assert.deepEqual(comparable(evaluate(template, {}, names)), before);
  (fn.Properties as Record<string, unknown>).Timeout = 11;
  assert.notDeepEqual(comparable(evaluate(template, {}, names)), before);
  (fn.Properties as Record<string, unknown>).Timeout = 10;
  (role.Properties as { Policies: { PolicyDocument: { Statement: { Action: unknown }[] } }[] }).Policies[0].PolicyDocument.Statement[0].Action = 'logs:*';
  assert.notDeepEqual(comparable(evaluate(template, {}, names)), before);
});

/** comparable leaves out what is intended to differ, and what is written differently and means the same. */
function comparable(e: Evaluated): Evaluated {
  const resources = Object.fromEntries(Object.entries(e.resources).map(([name, r]) => {
    const properties = Object.fromEntries(Object.entries(r.properties).filter(([k]) => !intended.includes(`${r.type} ${k}`)));
    return [name, { ...r, properties: canonical(properties) as Record<string, unknown> }];
  }));
  return { ...e, resources, conditions: {} };
}

/**
 * canonical puts into order what has none (tags, dimensions, policies), parses what is JSON in a text, and writes policies out
 * as one statement for each action and resource, because the CDK merges statements that differ in one of them alone.
 */
function canonical(v: unknown, key = ''): unknown {
  if (typeof v === 'string' && (key === 'DashboardBody' || key === 'Format')) return JSON.parse(v);
  if (key === 'Statement' && Array.isArray(v)) return sorted((v as Statement[]).flatMap(writtenOut));
  if (Array.isArray(v)) {
    const list = v.map((x) => canonical(x));
    return ['Tags', 'Dimensions', 'Policies'].includes(key) ? sorted(list) : list;
  }
  if (v === null || typeof v !== 'object') return v;
  return Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, x]) => [k, canonical(x, k)]));
}

type Statement = { readonly Action: string | string[]; readonly Resource?: string | string[]; readonly [key: string]: unknown };

function writtenOut({ Action, Resource, ...rest }: Statement): unknown[] {
  return [Action].flat().flatMap((a) => [Resource].flat().map((r) => canonical({ ...rest, Action: a, Resource: r })));
}

function sorted(list: readonly unknown[]): unknown[] {
  const text = (v: unknown): string => JSON.stringify(v);
  return [...list].sort((a, b) => (text(a) < text(b) ? -1 : 1));
}
