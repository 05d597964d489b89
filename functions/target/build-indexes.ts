import { createHash } from 'node:crypto';
import type { TableEntry } from '../archive/manifest.ts';
import type { PostData, RelationName } from '../definitions/post-data-groups.ts';
import type { Database, Session } from '../postgres/session.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { relationKey } from './relation-key.ts';
import { runBatched } from './run-batched.ts';
import { openLoader, withLoader } from './sessions.ts';
import { longestFirst } from './table-sizes.ts';

export interface BuildOptions {
  readonly postData: PostData;
  /** The manifest's, for the order of work. */
  readonly tables: readonly TableEntry[];
  /** Sessions at once. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
}

interface Index {
  readonly relation: RelationName;
  readonly name: string;
  readonly text: string;
}

/**
 * Builds all indexes of all tables, those of primary keys and unique constraints included, largest tables first.
 * Repeatable: an index that is there is not built again, one that another session is building is waited for.
 * @returns how many this call built
 * @throws DefinitionFailed naming the statement
 */
export async function buildIndexes(
  target: Database,
  rebuild: Rebuild,
  { postData, tables, jobs, signal }: BuildOptions,
): Promise<{ readonly built: number }> {
  const { partitioned, present } = await withLoader(
    target,
    rebuild,
    { part: 'indexes', signal },
    async (session) => ({ partitioned: await readPartitioned(session), present: await readIndexes(session) }),
  );
  const ofKeys = postData.keys.flatMap(({ relation, name, inTwoSteps }) =>
    inTwoSteps && !partitioned.has(relationKey(relation)) ? { relation, name, text: inTwoSteps.index } : [],
  );
  const missing = [...postData.indexes, ...ofKeys].filter((index) => !present.has(indexKey(index)));
  const work = longestFirst<Index>(missing, ({ relation }) => relation, tables);
  await inParallel(
    groups(work, tables),
    jobs,
    async (worker) => {
      const session = await openLoader(target, rebuild, { part: `indexes:${worker}`, signal });
      await takeMemory(session, jobs);
      return session;
    },
    (session, group) => runBatched(session, group.map(buildStatement)),
  );
  return { built: missing.length };
}

/** Indexes of tables under this size cost round trips, not time. */
const smallBytes = 256 * 1024;
const smallOnes = 25;

/** Each index of a large table by itself, those of small tables together. */
function groups(work: readonly Index[], tables: readonly TableEntry[]): Index[][] {
  const large = new Set(tables.filter(({ rawBytes }) => rawBytes > smallBytes).map(relationKey));
  const isLarge = ({ relation }: Index) => large.has(relationKey(relation));
  const small = work.filter((index) => !isLarge(index));
  const alone = work.filter(isLarge).map((index) => [index]);
  const together = Array.from({ length: Math.ceil(small.length / smallOnes) }, (_, group) =>
    small.slice(group * smallOnes, (group + 1) * smallOnes),
  );
  return [...alone, ...together];
}

/**
 * PostgreSQL finishes a statement whose client has gone: the lock, held until the end of the transaction that both
 * statements are, makes a second starter wait for it and then find the index.
 */
function buildStatement({ relation, name, text }: Index): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([relation.schema, name]))
    .digest();
  const create = text.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX IF NOT EXISTS ');
  return `SELECT pg_catalog.pg_advisory_xact_lock(${digest.readBigInt64BE()});\n${create}`;
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

const indexKey = ({ relation, name }: Index) => relationKey({ schema: relation.schema, name });

async function readIndexes(session: Session): Promise<Set<string>> {
  const rows = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('i', 'I')`,
  );
  return new Set(rows.map(relationKey));
}

/**
 * Memory for sorting: never below the server's setting; together the sessions may take as much again as its
 * shared_buffers, which is a quarter of the memory on most servers, but none more than 1 GB.
 */
async function takeMemory(session: Session, jobs: number): Promise<void> {
  await session.query(
    `SELECT pg_catalog.set_config('maintenance_work_mem', greatest(m.setting::bigint,
              least(1048576, b.setting::bigint * 8 / $1))::text || 'kB', false)
       FROM pg_catalog.pg_settings m, pg_catalog.pg_settings b
      WHERE m.name = 'maintenance_work_mem' AND b.name = 'shared_buffers'`,
    [jobs],
  );
}
