import * as fs from 'node:fs';
import * as path from 'node:path';

// Every *.test file in one process, because to load the CDK takes longer than the tests.
for (const file of fs.readdirSync(__dirname).filter((f) => f.endsWith('.test.js')).sort()) require(path.join(__dirname, file));
