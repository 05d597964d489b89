import { createHash } from 'node:crypto';
import type { TableEntry } from '../archive/manifest.ts';
import type { PostData, RelationName } from '../definitions/post-data-groups.ts';
import type { Database, Session } from '../postgres/session.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { relationKey } from './relation-key.ts';
import { named } from './run-definitions.ts';
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
  const partitioned = await withLoader(target, rebuild, { part: 'indexes', signal }, readPartitioned);
  const ofKeys = postData.keys.flatMap(({ relation, name, inTwoSteps }) =>
    inTwoSteps && !partitioned.has(relationKey(relation)) ? { relation, name, text: inTwoSteps.index } : [],
  );
  const work = longestFirst<Index>([...postData.indexes, ...ofKeys], ({ relation }) => relation, tables);
  let built = 0;
  await inParallel(
    work,
    jobs,
    async (worker) => {
      const session = await openLoader(target, rebuild, { part: `indexes:${worker}`, signal });
      await takeMemory(session, jobs);
      return session;
    },
    async (session, index) => {
      if (await buildIndex(session, index)) built++;
    },
  );
  return { built };
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

async function buildIndex(session: Session, index: Index): Promise<boolean> {
  // PostgreSQL finishes a statement whose client has gone: the lock makes a second starter wait for it
  const lock = createHash('sha256')
    .update(JSON.stringify([index.relation.schema, index.name]))
    .digest()
    .readBigInt64BE()
    .toString();
  await session.query('SELECT pg_catalog.pg_advisory_lock($1::bigint)', [lock]);
  try {
    if (await exists(session, index)) return false;
    await session.execute(index.text);
    return true;
  } catch (error) {
    throw named(index, error);
  } finally {
    await session.query('SELECT pg_catalog.pg_advisory_unlock($1::bigint)', [lock]).catch(() => {});
  }
}

async function exists(session: Session, { relation, name }: Index): Promise<boolean> {
  const [row] = await session.query(
    `SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('i', 'I')`,
    [relation.schema, name],
  );
  return row !== undefined;
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
