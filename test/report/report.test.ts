import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Report } from '../../functions/report/report.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';

let target: FreshDatabase;
let store: string;
let restored: Awaited<ReturnType<typeof cliInProcess>>;
let runId: string;

const run = (...args: string[]) => cliInProcess(args);
const restore = (...args: string[]) =>
  run('restore', '--store', store, '--target', target.url, '--yes', ...args);
const reportOf = async (...args: string[]) =>
  documentOf(await run('report', '--store', store, '--json', ...args)).report as Report;

beforeAll(async () => {
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  store = bucket.uri('reports');
  const source = await freshDatabase({ name: 'reported' });
  target = await freshDatabase({ name: 'report_target' });
  const session = await superuserSession(source.name);
  await session.execute('CREATE TABLE device (id int PRIMARY KEY); INSERT INTO device VALUES (1), (2)');
  await session.end();
  documentOf(await run('backup', '--source', source.url, '--store', store, '--json'));
});

describe('before any restore', () => {
  test('there is no report, which is said with what to do', async () => {
    const { code, stderr } = await run('report', '--store', store);
    expect(code).toBe(2);
    expect(stderr).toContain('there is no report at');
  });
});

describe('the report of a restore', () => {
  beforeAll(async () => {
    vi.stubEnv('REPLICATOR_CACHE_PASSWORD', 'hush');
    const command = 'echo "$REPLICATOR_RUN_ID $REPLICATOR_BACKUP_ID [$REPLICATOR_CACHE_PASSWORD] finished"';
    restored = await restore('--after-restore', command, '--json');
    vi.unstubAllEnvs();
    runId = documentOf(restored).restore.runId;
  });

  test('is in the result whole, and stored: the same document', async () => {
    expect(restored.code).toBe(0);
    const { report } = documentOf(restored).restore;
    expect(Report.parse(report)).toEqual(await reportOf(runId));
    expect(report).toEqual(await reportOf());
  });

  test('says what was restored, where to, what each state came to and how long it took', async () => {
    const report = await reportOf(runId);
    expect(report).toMatchObject({
      format: 'nautobot-replicator-report',
      version: 1,
      outcome: 'restored',
      target: { database: target.name },
      failure: null,
      sections: {
        PlanRestore: { scope: 'database' },
        VerifyRestore: { tables: 1, rows: 2, media: null },
        SwitchOver: { previous: null },
        AfterRestore: {
          output: `${runId} ${report.sections.PlanRestore?.backupId} [] finished\n`,
          exitCode: 0,
        },
      },
    });
    const states = report.states.map(({ state }) => state);
    expect(states.slice(0, 2)).toEqual(['Lock', 'PlanRestore']);
    expect(states).toEqual(
      expect.arrayContaining(['LoadRowsAndMedia', 'BuildIndexes', 'SwitchOver', 'AfterRestore']),
    );
    expect(states.indexOf('LoadRowsAndMedia')).toBe(states.indexOf('LoadPreData') + 1);
  });

  test('is text for a person, too', async () => {
    const { code, stdout } = await run('report', runId, '--store', store);
    expect(code).toBe(0);
    expect(stdout).toContain(`Restore ${runId}: restored, `);
    expect(stdout).toContain('  2 rows in 1 table, counted against the manifest\n');
    expect(stdout).toContain('  --after-restore took ');
    expect(stdout).toContain(' finished\n');
    expect(stdout).toMatch(/\n {2}SwitchOver +\S+ m?s/);
  });

  test('is all that stays of the run', async () => {
    const keys: string[] = [];
    for await (const { key } of openStore(store).list('')) keys.push(key);
    expect(keys.filter((key) => key.includes(runId))).toEqual([`reports/${runId}.json`]);
  });
});

describe('a restore that fails', () => {
  test('leaves a report that says in which state, and why', async () => {
    const { code, stderr } = await restore('--after-restore', 'echo so far; exit 7', '--keep-previous');
    expect(code).toBe(1);
    const { runId: failed } = await reportOf('latest');
    expect(stderr).toContain(`replicator undo --target URL --run ${failed} goes back to it`);
    const report = await reportOf('latest');
    expect(report).toMatchObject({
      outcome: 'failed',
      failure: { state: 'AfterRestore', error: 'CommandFailed', message: expect.stringContaining('so far') },
      sections: {
        VerifyRestore: { rows: 2 },
        SwitchOver: { previous: expect.any(String) },
        AfterRestore: { output: 'so far\n', exitCode: 7, timedOut: false },
      },
    });
    const { stdout } = await run('report', '--store', store);
    expect(stdout).toContain(
      '  failed in AfterRestore: the command of --after-restore ended with exit code 7',
    );
  });

  test('of a command that takes too long says so, too', async () => {
    const { code, stderr } = await restore(
      '--after-restore',
      'echo on; sleep 60',
      '--after-restore-timeout',
      '1',
    );
    expect(code).toBe(1);
    expect(stderr).toMatch(/was ended after 1 s; its last lines:\non; .* is gone .*\(CommandTimedOut\)/);
    expect((await reportOf()).sections.AfterRestore).toMatchObject({ output: 'on\n', timedOut: true });
    const wrong = await restore('--after-restore', 'true', '--after-restore-timeout', 'soon');
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('--after-restore-timeout') });
  });

  test('is found by its id only: another id is refused with those that are there', async () => {
    const { code, stderr } = await run('report', '20200101T000000Z-aaaaaa', '--store', store);
    expect(code).toBe(2);
    expect(stderr).toContain(runId);
  });

  test.each(['aaaaaa', 'zzzzzz'])(
    'that began last is the latest, among those of one second too: -%s',
    async (last) => {
      const bucket = await freshBucket();
      const reports = openStore(bucket.uri());
      const known = await reportOf(runId);
      for (const suffix of ['aaaaaa', 'mmmmmm', 'zzzzzz']) {
        const id = `20261127T031502Z-${suffix}`;
        const startedAt = `2026-11-27T03:15:02.${suffix === last ? '900' : '100'}Z`;
        await reports.put(`reports/${id}.json`, JSON.stringify({ ...known, runId: id, startedAt }));
      }
      const { stdout } = await run('report', '--store', bucket.uri(), '--json');
      expect(JSON.parse(stdout).report.runId).toBe(`20261127T031502Z-${last}`);
    },
  );
});
