import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
import { expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { freshDatabase, freshRole } from '../servers/fresh-database.ts';
import { restoreSteps } from './restore-steps.ts';
import { readSource } from './source-database.ts';
test('profile', async () => {
    let t = performance.now();
    const lap = (n: string) => { require('node:fs').appendFileSync('/tmp/prof.txt', n + ' ' + Math.round(performance.now() - t) + '\n'); t = performance.now(); };
    const source = await freshDatabase({ name: 'source', template: 'nautobot_31' }); lap('template');
    const read = await readSource(source.url); lap('read');
    const role = await freshRole({ name: 'Staging "role"', createdb: true });
    const target = await freshDatabase({ name: 'staging', owner: role.name }); lap('target');
    const restore = restoreSteps(await openDatabase(target.urlAs(role)), read);
    for (const step of restore.steps) { await step.run(); lap(step.name); }
    expect(1).toBe(1);
});
