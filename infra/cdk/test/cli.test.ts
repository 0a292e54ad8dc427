import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { here, stubs, synthesise, props } from './template/load';

/** cdk runs the real command line on the real app, with no way to any network and no credentials. */
function cdk(...args: string[]): { status: number | null; stderr: string; template: string } {
  const output = fs.mkdtempSync(path.join(os.tmpdir(), 'postroom-synth-'));
  try {
    const nowhere = 'http://127.0.0.1:9';
    const run = spawnSync(process.execPath, [path.join(here, 'node_modules/aws-cdk/bin/cdk'), 'synth', '--no-notices', '--no-version-reporting', '-q', '-o', output, '--build', 'true', // it has just been built
       '-c', `functions=${stubs}`, ...args], {
      cwd: here,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, HOME: output, CI: 'true', HTTPS_PROXY: nowhere, HTTP_PROXY: nowhere, AWS_EC2_METADATA_DISABLED: 'true', CDK_DISABLE_CLI_TELEMETRY: 'true' },
    });
    const file = path.join(output, 'postroom.template.json');
    return { status: run.status, stderr: run.stderr, template: fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '' };
  } finally {
    fs.rmSync(output, { recursive: true, force: true });
  }
}

test('cdk synth works offline, and takes the settings from the context', () => {
  const run = cdk('-c', 'GraphCredential=federated', '-c', 'GraphTenant=contoso.com', '-c', 'GraphClient=app', '-c', 'SyncConcurrency=7', '-c', 'OwnKey=yes');
  assert.equal(run.status, 0, run.stderr);
  const got = JSON.parse(run.template) as { Resources: unknown };
  const want = synthesise(props({ GraphCredential: 'federated', GraphTenant: 'contoso.com', GraphClient: 'app', SyncConcurrency: 7, OwnKey: 'yes' }));
  assert.deepEqual(withoutAssets(got.Resources), withoutAssets(want.Resources));
});

/** app runs what the command line runs, as far as its first error. */
function app(context: Record<string, string>): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [path.join(here, 'build/bin/postroom.js')], { encoding: 'utf8', env: { PATH: process.env.PATH, CDK_CONTEXT_JSON: JSON.stringify(context) } });
}

test('the app says what is wrong with the settings', () => {
  const run = app({ functions: stubs, GraphCredential: 'federated', SyncConcurrency: 'many' });
  assert.notEqual(run.status, 0);
  assert.match(run.stderr, /Postroom cannot be deployed like this:\n\s+syncConcurrency: write a whole number\n\s+graphTenant, graphClient: With mailboxes at Microsoft 365/);
});

test('the app says how the functions come to be', () => {
  const run = app({ functions: '/nowhere' });
  assert.notEqual(run.status, 0);
  assert.match(run.stderr, /there is no \/nowhere\/ingest\/bootstrap: run "make functions"/);
});

/** withoutAssets leaves out what the command line adds so that "sam local" finds the code. */
function withoutAssets(resources: unknown): unknown {
  return JSON.parse(JSON.stringify(resources), (key, value: unknown) => (key.startsWith('aws:asset:') ? undefined : value));
}
