import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { test } from 'node:test';
import { readSam, repository } from './template/load';
import { globals } from './template/serverless';

const directory = path.join(repository, 'infra/sam');
const functions = Object.entries(globals(readSam()).Resources).filter(([, r]) => r.Type === 'AWS::Serverless::Function');

// SAM itself is not to be had in CI, so what it does to build a function is done here: its directory is copied elsewhere, and
// make runs there with the Makefile of the original and the name build-<logical id> (aws-lambda-builders, custom_make).
for (const [id, r] of functions) {
  test(`"sam build" finds what to build for ${id}`, () => {
    assert.deepEqual([r.Metadata?.BuildMethod, r.Properties?.CodeUri], ['makefile', '.']);
    const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'postroom-sam-'));
    try {
      fs.cpSync(directory, scratch, { recursive: true });
      const artifacts = path.join(scratch, 'artifacts');
      const make = spawnSync('make', ['--dry-run', '--makefile', path.join(directory, 'Makefile'), `build-${id}`], {
        cwd: scratch, encoding: 'utf8', env: { ...process.env, ARTIFACTS_DIR: artifacts, MAKEFLAGS: '', MAKELEVEL: '' },
      });
      assert.equal(make.status, 0, make.stderr);
      const [, flags, output, source] = /(CGO_ENABLED=0 .* go build .*) -o "([^"]+)" (\S+)/.exec(make.stdout) ?? assert.fail(make.stdout);
      assert.equal(output, path.join(artifacts, 'bootstrap'));
      assert.equal(source, `./functions/${id.replace('Function', '').toLowerCase()}`);
      for (const flag of ['GOOS=linux', 'GOARCH=arm64', '-tags lambda.norpc', '-trimpath']) assert.ok(flags.includes(flag), `${flag} is missing: ${flags}`);
      assert.ok(fs.existsSync(path.join(repository, source, 'main.go')), `there is no ${source}`);
    } finally {
      fs.rmSync(scratch, { recursive: true, force: true });
    }
  });
}

test('every function that the CDK deploys is built by "make functions"', () => {
  const names = functions.map(([id]) => id.replace('Function', '').toLowerCase()).sort();
  assert.deepEqual(names, ['ingest', 'provision', 'sync', 'tick']);
  const [, built] = /^FUNCTIONS\s*:=\s*(.*)$/m.exec(fs.readFileSync(path.join(repository, 'Makefile'), 'utf8')) ?? assert.fail('the Makefile has no list of functions');
  for (const name of names) assert.ok(built.split(' ').includes(name), name);
});

test('SAM does not take an old build for a new one', () => {
  // It would look for changes in its own directory alone.
  const config = fs.readFileSync(path.join(directory, 'samconfig.toml'), 'utf8');
  assert.match(config, /^cached = false$/m);
  assert.match(config, /^capabilities = "CAPABILITY_IAM"$/m);
});
