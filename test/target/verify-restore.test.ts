import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { cleanUpTarget } from '../../functions/target/clean-up-target.ts';
import { RestoreVerificationFailed } from '../../functions/target/errors.ts';
import { withSession } from '../definitions/load-definitions.ts';
import { type FreshDatabase, freshDatabase, freshRole, serverUrl } from '../servers/fresh-database.ts';
import { type RestoreUnderTest, restoreSteps } from './restore-steps.ts';
import { smallSource } from './small-source.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let handle: Database;
let restore: RestoreUnderTest;
let verify: () => Promise<void>;

beforeAll(async () => {
  const small = await smallSource(
    `CREATE TABLE guarded (a integer);
     INSERT INTO guarded SELECT generate_series(1, 5);
     CREATE POLICY nothing ON guarded USING (false);
     ALTER TABLE guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
  );
  source = small.database;
  const role = await freshRole({ name: 'staging', createdb: true });
  target = await freshDatabase({ name: 'verified', owner: role.name });
  handle = await openDatabase(target.urlAs(role));
  restore = restoreSteps(handle, small.contents);
  for (const step of restore.steps) {
    if (step.name === 'verify') {
      verify = step.run;
      break;
    }
    await step.run();
  }
});
afterAll(async () => {
  await cleanUpTarget(handle, { runId: restore.runId, keepPrevious: false });
  await source.drop();
  await target.drop();
});

test('a database that is what the backup says passes, rows under a forced policy included', async () => {
  await verify();
  expect(restore.verified()).toEqual({
    tables: 4,
    rows: 10_525,
    indexes: 1,
    constraints: 5,
    triggers: 1,
    sequences: 2,
  });
});

test.each([
  [
    'a row more',
    'DELETE FROM public.secret WHERE id = 7',
    "INSERT INTO public.secret VALUES (7, 'x')",
    /public\.secret: 9999 rows are there, the backup has 10000/,
  ],
  [
    'an index less',
    'DROP INDEX public.device_name',
    'CREATE INDEX device_name ON public.device (name)',
    /index public\.device_name is missing/,
  ],
  [
    'a foreign key less',
    'ALTER TABLE public.site DROP CONSTRAINT site_manager',
    'ALTER TABLE public.site ADD CONSTRAINT site_manager FOREIGN KEY (manager) REFERENCES public.device NOT VALID',
    /constraint site_manager of public\.site is missing/,
  ],
  [
    'a foreign key not validated',
    'SELECT',
    'ALTER TABLE public.site VALIDATE CONSTRAINT site_manager',
    /constraint site_manager of public\.site is not validated/,
  ],
  [
    'a trigger less',
    'ALTER TABLE public.device DISABLE TRIGGER shout; DROP TRIGGER shout ON public.device',
    'CREATE TRIGGER shout BEFORE INSERT ON public.device FOR EACH ROW EXECUTE FUNCTION public.shout()',
    /public\.device has 0 triggers, the backup defines 1/,
  ],
  [
    'a policy less',
    'DROP POLICY nothing ON public.guarded',
    'CREATE POLICY nothing ON public.guarded USING (false)',
    /public\.guarded has 0 row security policies, the backup defines 1/,
  ],
  [
    'a sequence elsewhere',
    "SELECT setval('public.site_id_seq', 3)",
    "SELECT setval('public.site_id_seq', 20)",
    /sequence public\.site_id_seq: it stands at 3, the backup says 20/,
  ],
  [
    'a table less',
    'ALTER TABLE public.secret RENAME TO hidden',
    'ALTER TABLE public.hidden RENAME TO secret',
    /public\.secret: the table is missing/,
  ],
])('%s is found', async (_what, harm, heal, message) => {
  const run = (sql: string) =>
    withSession(serverUrl(restore.rebuild().hidden), (session) => session.execute(sql));
  await run(harm);
  const failed = verify();
  await expect(failed).rejects.toThrow(RestoreVerificationFailed);
  await expect(failed).rejects.toThrow(message);
  await run(heal);
});
