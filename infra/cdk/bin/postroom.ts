import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import type { Node } from 'constructs';
import { Postroom, type PostroomProps } from '../lib/postroom';
import { property, settings } from '../lib/settings';

/**
 * The app deploys one stack. Settings come from the context under the names of the SAM parameters: in cdk.json, or as
 * "-c GraphTenant=…" on the command line. "-c stack=NAME" names the stack, "-c functions=DIR" the built functions.
 */
const app = new App();
const node = app.node;
const functions = path.resolve(String(node.tryGetContext('functions') ?? path.join(__dirname, '../../../../dist')));
const stack = new Stack(app, String(node.tryGetContext('stack') ?? 'postroom'), {
  description: 'Postroom: team inboxes for Microsoft 365 and Google Workspace',
});
new Postroom(stack, 'Postroom', { ...fromContext(node), functions });
app.synth();

/** fromContext reads the settings that are in the context. On the command line everything is a text. */
function fromContext(node: Node): PostroomProps {
  const props: Record<string, unknown> = {};
  for (const s of settings) {
    const given: unknown = node.tryGetContext(s.name);
    if (given === undefined) continue;
    if (typeof s.default === 'number') props[property(s.name)] = Number(given);
    else if (s.values?.includes('yes')) props[property(s.name)] = ['yes', 'true'].includes(String(given)) ? true : ['no', 'false'].includes(String(given)) ? false : String(given);
    else props[property(s.name)] = String(given);
  }
  return props as PostroomProps;
}
