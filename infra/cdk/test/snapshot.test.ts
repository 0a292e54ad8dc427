import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';
import { props, scenarios, synthesise, testdata } from './template/load';

// A change of what is deployed shows in the review as a change of these files. "npm run snapshot" writes them anew. The other
// scenarios differ from these two in words that the SAM template must have as well.
for (const name of ['nothing', 'guarded']) {
  const parameters = scenarios[name];
  test(`the template is the one that was reviewed: ${name}`, () => {
    const file = path.join(testdata, `${name}.template.json`);
    const got = `${JSON.stringify(synthesise(props(parameters)), null, 1)}\n`;
    if (process.env.UPDATE) fs.writeFileSync(file, got);
    assert.equal(got, fs.readFileSync(file, 'utf8'), 'if that is what you want: npm run snapshot');
  });
}
