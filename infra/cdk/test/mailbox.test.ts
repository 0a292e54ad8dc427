import assert from 'node:assert/strict';
import { test } from 'node:test';
import { App, Stack } from 'aws-cdk-lib';
import { Postroom } from '../lib/postroom';
import { stubs } from './template/load';

function declared(): Record<string, { Type: string; Properties: Record<string, unknown>; DeletionPolicy?: string; DependsOn?: string[] }> {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, 'postroom');
  const postroom = new Postroom(stack, 'Postroom', { functions: stubs });
  postroom.mailbox('Jobs', {
    address: 'jobs@contoso.com', provider: 'm365', name: 'Jobs', agents: ['anna'], leads: ['anna'], answerAs: 'member', hidden: true, quota: '49 GB',
    assign: { strategy: 'round-robin', cap: 12 }, closeByArchiving: false, removal: 'delete', allowRemove: true,
  });
  return (app.synth().getStackByName('postroom').template as { Resources: ReturnType<typeof declared> }).Resources;
}

test('a declared mailbox is a custom resource of the function provision', () => {
  const resources = declared();
  const [mailbox] = Object.values(resources).filter((r) => r.Type === 'Custom::PostroomMailbox');
  const { ServiceToken, ...properties } = mailbox.Properties;
  const [[provision]] = Object.entries(resources).filter(([name, r]) => r.Type === 'AWS::Lambda::Function' && /ProvisionFunction/.test(name));
  assert.deepEqual(ServiceToken, { 'Fn::GetAtt': [provision, 'Arn'] });
  assert.deepEqual(properties, {
    ServiceTimeout: '3600', Address: 'jobs@contoso.com', Provider: 'm365', Name: 'Jobs', Agents: ['anna'], Leads: ['anna'], AnswerAs: 'member', Hidden: true, Quota: '49 GB',
    Assign: { strategy: 'round-robin', cap: 12 }, CloseByArchiving: false, Removal: 'delete', AllowRemove: true,
  });
});

// Made last and deleted first, what takes long can go on in another invocation.
test('a declared mailbox waits for what the function needs to invoke itself', () => {
  const resources = declared();
  const [mailbox] = Object.values(resources).filter((r) => r.Type === 'Custom::PostroomMailbox');
  const needed = Object.entries(resources).filter(([, r]) => r.Type === 'AWS::Lambda::Permission' || r.Type === 'AWS::Lambda::EventInvokeConfig').map(([name]) => name);
  assert.deepEqual([...(mailbox.DependsOn ?? [])].sort(), needed.filter((name) => /Provision/.test(name)).sort());
  assert.equal(mailbox.DependsOn?.length, 2);
});
