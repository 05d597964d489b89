import type { TableEntry } from '../archive/manifest.ts';
import type { PostData, RelationName } from '../definitions/post-data-groups.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { readDone } from './bookkeeping.ts';
import { expectedLength } from './index-length.ts';
import { definitionWork, subjectOf } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { runWork, type Work, type WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';

export interface BuildOptions extends WorkOptions {
  readonly postData: PostData;
  /** The manifest's, for the order of work. */
  readonly tables: readonly TableEntry[];
}

interface Index {
  readonly relation: RelationName;
  readonly name: string;
  readonly text: string;
}

const step = 'indexes';

/**
 * Builds all indexes of all tables, those of primary keys and unique constraints included, those that take longest
 * first. Repeatable: what is there is not built again, what another session is building is waited for.
 * @returns how many indexes there are, and whether some are left for another call
 * @throws DefinitionFailed naming the statement; WorkVanished
 */
export async function buildIndexes(
  target: Database,
  rebuild: Rebuild,
  options: BuildOptions,
): Promise<{ readonly built: number; readonly more: boolean }> {
  const { postData, tables, jobs, signal } = options;
  const { partitioned, done } = await withLoader(
    target,
    rebuild,
    { part: 'indexes', signal },
    async (session) => ({ partitioned: await readPartitioned(session), done: await readDone(session, step) }),
  );
  const ofKeys = postData.keys.flatMap(({ relation, name, inTwoSteps }) =>
    inTwoSteps && !partitioned.has(relationKey(relation)) ? { relation, name, text: inTwoSteps.index } : [],
  );
  const indexes: Index[] = [...postData.indexes, ...ofKeys];
  const all = await runWork(target, rebuild, workOf(indexes, tables, jobs, done), {
    ...options,
    part: 'indexes',
    prepare: (session) => takeMemory(session, jobs),
  });
  return { built: indexes.length, more: !all };
}

/** Indexes of tables under this size cost round trips, not time. */
const smallBytes = 256 * 1024;
const smallOnes = 25;

/** Each index of a large table by itself, those of small tables together. */
function workOf(
  indexes: readonly Index[],
  tables: readonly TableEntry[],
  jobs: number,
  done: ReadonlyMap<string, unknown>,
): Work[][] {
  const entries = new Map(tables.map((table) => [relationKey(table), table]));
  const length = ({ relation, text }: Index) => expectedLength(text, entries.get(relationKey(relation)));
  const isLarge = ({ relation }: Index) => (entries.get(relationKey(relation))?.rawBytes ?? 0) > smallBytes;
  const small = indexes.filter((index) => !isLarge(index));
  const large = indexes
    .filter(isLarge)
    .map((index) => ({ index, length: length(index) }))
    .sort((one, other) => other.length - one.length)
    .map(({ index }) => index);
  const left = new Set(large.filter((index) => !done.has(subject([index]))));
  // What is left of the sessions' share goes to the last indexes, which more than one process can build
  const helpers = () => Math.max(0, Math.floor(jobs / Math.max(1, left.size)) - 1);
  const work = (group: readonly Index[]): Work =>
    definitionWork(step, group.map(buildStatement), {
      subject: subject(group),
      settings: () => ({ max_parallel_maintenance_workers: String(helpers()) }),
      done: () => {
        for (const index of group) left.delete(index);
      },
    });
  const together = Array.from({ length: Math.ceil(small.length / smallOnes) }, (_, group) =>
    small.slice(group * smallOnes, (group + 1) * smallOnes),
  );
  return [...large.map((index) => [index]), ...together]
    .filter((group) => !done.has(subject(group)))
    .map((group) => [work(group)]);
}

function subject(group: readonly Index[]): string {
  return subjectOf(group.flatMap(({ relation, name }) => [relation.schema, name]));
}

function buildStatement({ text }: Index): string {
  return text.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX IF NOT EXISTS ');
}

/** Constraints of partitioned tables can't take an index over; theirs cost nothing until partitions are attached. */
export async function readPartitioned(session: Session): Promise<Set<string>> {
  const rows = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'p'`,
  );
  return new Set(rows.map(relationKey));
}

/**
 * Memory for sorting, and for the checks of foreign keys: never below the server's setting; together the sessions may
 * take as much again as its shared_buffers, which is a quarter of the memory on most servers, but none more than 1 GB.
 */
export async function takeMemory(session: Session, jobs: number): Promise<void> {
  await session.query(
    `SELECT pg_catalog.set_config('maintenance_work_mem', greatest(m.setting::bigint,
              least(1048576, b.setting::bigint * 8 / $1))::text || 'kB', false)
       FROM pg_catalog.pg_settings m, pg_catalog.pg_settings b
      WHERE m.name = 'maintenance_work_mem' AND b.name = 'shared_buffers'`,
    [jobs],
  );
}
