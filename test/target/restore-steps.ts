import { randomBytes } from 'node:crypto';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { Lifetime, type Progressed } from '../../functions/run/lifetime.ts';
import { type RunId, runIdOf } from '../../functions/run/run-id.ts';
import { runStatements } from '../../functions/sanitize/run-statements.ts';
import { addConstraints } from '../../functions/target/add-constraints.ts';
import { addTriggers } from '../../functions/target/add-triggers.ts';
import { analyzeTables } from '../../functions/target/analyze.ts';
import { buildIndexes } from '../../functions/target/build-indexes.ts';
import { createHiddenDatabase } from '../../functions/target/create-database.ts';
import { loadPreData } from '../../functions/target/load-pre-data.ts';
import { loadChunk, openLoadSession } from '../../functions/target/load-shard.ts';
import type { Rebuild } from '../../functions/target/rebuild.ts';
import { refreshViews } from '../../functions/target/refresh-views.ts';
import { setSequences } from '../../functions/target/set-sequences.ts';
import { type SwitchedOver, switchOver } from '../../functions/target/switch-over.ts';
import { type VerifiedRestore, verifyRestore } from '../../functions/target/verify-restore.ts';
import type { SourceContents } from './source-database.ts';

export function newRunId(): RunId {
  return runIdOf(randomBytes(8).toString('hex'), new Date().toISOString());
}

/** The states of a restore, by name, in their order; a test runs them up to one, or twice. */
export interface RestoreStep {
  readonly name: string;
  run(): Promise<void>;
}

export interface RestoreUnderTest {
  readonly runId: RunId;
  readonly steps: readonly RestoreStep[];
  readonly notes: string[];
  rebuild(): Rebuild;
  verified(): VerifiedRestore;
  switched(): SwitchedOver;
}

/** Invokes a state again and again, as its machine does. @returns what the last invocation says */
export async function untilDone<T extends Progressed>(
  lifeMs: number,
  invoke: (life: Lifetime) => Promise<T>,
): Promise<T> {
  for (;;) {
    const done = await invoke(lifetime(lifeMs));
    if (!done.more) return done;
  }
}

export function lifetime(ms: number): Lifetime {
  const end = performance.now() + ms;
  return new Lifetime(() => end - performance.now());
}

export function restoreSteps(
  target: Database,
  source: SourceContents,
  options: {
    readonly sanitize?: readonly string[];
    readonly jobs?: number;
    readonly runId?: RunId;
    /** Milliseconds that one invocation of a state has; all the time there is by default. */
    readonly lifeMs?: number;
  } = {},
): RestoreUnderTest {
  const { jobs = 2, runId = newRunId(), lifeMs = Number.POSITIVE_INFINITY, sanitize } = options;
  const { postData, tables, sequences } = source;
  const notes: string[] = [];
  let plan: Rebuild | undefined;
  let verified: VerifiedRestore | undefined;
  let switched: SwitchedOver | undefined;
  const rebuild = () => {
    if (plan === undefined) throw new Error('the database was not created');
    return plan;
  };
  const step = (name: string, run: () => Promise<unknown>): RestoreStep => ({
    name,
    run: async () => {
      await run();
    },
  });
  const steps = [
    step('create-database', async () => {
      const created = await createHiddenDatabase(target, { runId, extensions: source.facts.extensions });
      plan = created.rebuild;
      notes.push(...created.notes);
    }),
    step('pre-data', async () => {
      const made = await untilDone(lifeMs, (life) =>
        loadPreData(target, rebuild(), source.preData, { life }),
      );
      notes.push(...made.notes);
    }),
    step('load', () => loadAll(target, rebuild(), source, runId)),
    step('sanitize', async () => {
      await untilDone(lifeMs, async (life) => {
        const left = sanitize && (await runStatements(target, rebuild(), sanitize, { jobs, life }));
        return { more: sanitize !== undefined && left === undefined };
      });
    }),
    step('build-indexes', () =>
      untilDone(lifeMs, (life) => buildIndexes(target, rebuild(), { postData, tables, jobs, life })),
    ),
    step('add-constraints', async () =>
      notes.push(
        ...(
          await untilDone(lifeMs, (life) =>
            addConstraints(target, rebuild(), { postData, tables, jobs, life }),
          )
        ).notes,
      ),
    ),
    step('add-triggers', async () =>
      notes.push(
        ...(await untilDone(lifeMs, (life) => addTriggers(target, rebuild(), postData, { life }))).notes,
      ),
    ),
    step('refresh-views', () =>
      untilDone(lifeMs, (life) => refreshViews(target, rebuild(), postData, { life })),
    ),
    step('set-sequences', () =>
      untilDone(lifeMs, (life) => setSequences(target, rebuild(), sequences, { life })),
    ),
    step('analyze', () =>
      untilDone(lifeMs, (life) => analyzeTables(target, rebuild(), { tables, jobs, life })),
    ),
    step('verify', async () => {
      await untilDone(lifeMs, async (life) => {
        verified = await verifyRestore(target, rebuild(), { postData, tables, sequences, jobs, life });
        return { more: verified === undefined };
      });
    }),
    step('switch-over', async () => {
      switched = await switchOver(target, rebuild(), { backupId: 'backup' });
      notes.push(...switched.notes);
    }),
  ];
  return {
    runId,
    steps,
    notes,
    rebuild,
    verified: () => verified as VerifiedRestore,
    switched: () => switched as SwitchedOver,
  };
}

export async function loadAll(
  target: Database,
  rebuild: Rebuild,
  source: SourceContents,
  backupId: string,
): Promise<void> {
  const session = await openLoadSession(target, rebuild, {
    shard: 1,
    attempt: randomBytes(3).toString('hex'),
  });
  try {
    for (const entry of source.tables) {
      for (const chunkIndex of entry.chunks.keys()) {
        await loadChunk(session, { backupId, entry, chunkIndex, rows: source.rows(entry, chunkIndex) });
      }
    }
  } finally {
    await session.end();
  }
}

/** Every table's number of rows and an order-independent hash of them; views that are filled too. */
export async function contents(session: Session): Promise<Record<string, string>> {
  await session.execute("SET search_path = ''; SET row_security = on; SET extra_float_digits = 3");
  const tables = await session.query<{ table: string }>(
    `SELECT c.oid::regclass::text AS table FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE (c.relkind IN ('r', 'p') OR (c.relkind = 'm' AND c.relispopulated))
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1`,
  );
  const found: Record<string, string> = {};
  for (const { table } of tables) {
    const [row] = await session.query<{ sum: string }>(
      `SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) AS sum FROM ${table} t`,
    );
    found[table] = row?.sum ?? '';
  }
  return found;
}
