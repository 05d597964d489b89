import type { TableChunk, TableEntry } from '../archive/manifest.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { rowsNotChanged } from '../run/rows-not-changed.ts';
import { once } from './bookkeeping.ts';
import { endSessionsAndWait } from './end-sessions.ts';
import { RowsDiffer } from './errors.ts';
import { applicationName } from './names.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader } from './sessions.ts';

/**
 * The session that one attempt at a shard loads through. Sessions of older attempts are ended first: a client that
 * stands still would hold its chunk's mark for hours.
 * @param attempt anything that differs from attempt to attempt
 */
export async function openLoadSession(
  target: Database,
  rebuild: Rebuild,
  options: {
    readonly shard: number | string;
    readonly attempt: string;
    readonly settings?: Readonly<Record<string, string>> | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<Session> {
  const { shard, attempt, settings, signal } = options;
  const session = await openLoader(target, rebuild, { part: `load:${shard}:${attempt}`, settings, signal });
  try {
    const older = { applicationPrefix: `${applicationName(rebuild.runId, 'load', shard)}:` };
    // As the connecting role, which the older sessions belong to
    await session.execute('RESET ROLE');
    await endSessionsAndWait(session, older);
    await session.execute(`SET ROLE ${quoteIdentifier(rebuild.objectOwner)}`);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** How rows change between the backup and the table. */
export interface RowsChanged {
  /** Column → SQL of what takes its place, in terms of the row. */
  readonly columns: ReadonlyMap<string, string>;
  /** SQL of the rows that stay; undefined: all. */
  readonly where: string | undefined;
}

export interface LoadedChunk {
  /** That are in the table now. */
  readonly rows: number;
  /** An earlier attempt had loaded it; nothing was read. */
  readonly again: boolean;
}

/**
 * Loads one chunk in a transaction of its own: its mark, which is the lock against other attempts, and its rows.
 * @param rows COPY text, uncompressed; must end with an error if it is not the chunk whose SHA-256 the entry holds
 * @throws RowsDiffer when the server counts other rows than the manifest; nothing stays of them
 * @throws RowsNotChanged when a mask or predicate can't be applied to one
 */
export async function loadChunk(
  session: Session,
  options: {
    readonly backupId: string;
    readonly entry: TableEntry;
    /** Place in `entry.chunks`. */
    readonly chunkIndex: number;
    readonly rows: AsyncIterable<Buffer>;
    /** undefined: they are loaded as they are. */
    readonly changed?: RowsChanged | undefined;
  },
): Promise<LoadedChunk> {
  const { backupId, entry, chunkIndex, rows, changed } = options;
  const chunk = entry.chunks[chunkIndex];
  const table = `${entry.schema}.${entry.name}`;
  if (chunk === undefined) throw new TypeError(`${table} has no chunk ${chunkIndex}`);
  const mark = {
    step: 'rows',
    subject: JSON.stringify([entry.schema, entry.name, chunkIndex]),
    fingerprint: `${backupId} ${chunk.sha256}`,
  };
  const { outcome, again } = await once(session, mark, async () => {
    if (changed) {
      const into = await aside(session, entry);
      checkRows(table, chunk, chunkIndex, await session.copyIn(into, rows));
      return insertChanged(session, entry, changed);
    }
    const statement = await copyStatement(session, entry);
    const counted = await session.copyIn(statement, rows);
    checkRows(table, chunk, chunkIndex, counted);
    return counted;
  });
  return { rows: outcome, again };
}

const asideTable = 'pg_temp.replicator_rows';

/**
 * A table of this session alone for rows that must not come into a real one as they are: its files are never logged,
 * nobody else can read it, and no statistics are gathered of it.
 */
async function aside(session: Session, entry: TableEntry): Promise<string> {
  const { schema, name } = entry.loadThrough ?? entry;
  await session.execute(
    `CREATE TEMPORARY TABLE ${asideTable} (LIKE ${quoteName(schema, name)}) ON COMMIT DROP`,
  );
  return `COPY ${asideTable}${columnList(entry)} FROM STDIN`;
}

/** @throws RowsNotChanged without a value of a row, which the server's own words may hold */
async function insertChanged(session: Session, entry: TableEntry, changed: RowsChanged): Promise<number> {
  const into = entry.loadThrough ?? entry;
  const values = entry.columns.map((column) => {
    const sql = changed.columns.get(column);
    return sql === undefined ? quoteIdentifier(column) : `(${sql}\n)`;
  });
  const where = changed.where === undefined ? '' : `WHERE (${changed.where}\n)`;
  try {
    const [inserted] = await session.query<{ count: string }>(
      `WITH inserted AS (
         INSERT INTO ${quoteName(into.schema, into.name)}${columnList(entry)} OVERRIDING SYSTEM VALUE
         SELECT ${values.join(', ')} FROM ${asideTable} AS ${quoteIdentifier(entry.name)} ${where} RETURNING 1)
       SELECT pg_catalog.count(*)::text AS count FROM inserted`,
    );
    return Number(inserted?.count);
  } catch (error) {
    if (!(error instanceof StatementFailed)) throw error;
    throw rowsNotChanged(`${entry.schema}.${entry.name}`, error);
  }
}

function checkRows(table: string, chunk: TableChunk, chunkIndex: number, counted: number): void {
  if (counted === chunk.rows) return;
  throw new RowsDiffer(
    `${table}: the server counted ${counted} rows in chunk ${chunkIndex + 1}, the manifest says ${chunk.rows}; the load was rolled back. Check the backup with: replicator verify`,
  );
}

/** Bytes of rows; below this, giving a table a new file costs more than rewriting its pages later. */
const worthFreezing = 64 * 1024;

/**
 * A table that is filled by one COPY right after TRUNCATE takes its rows frozen: no later vacuum has to rewrite its
 * pages (PostgreSQL manual, COPY, FREEZE: same transaction, not on partitioned tables).
 */
async function copyStatement(session: Session, entry: TableEntry): Promise<string> {
  const into = entry.loadThrough ?? entry;
  const name = quoteName(into.schema, into.name);
  const columns = columnList(entry);
  const whole =
    entry.chunks.length === 1 &&
    entry.loadThrough === null &&
    entry.rawBytes >= worthFreezing &&
    (await mayTruncate(session, entry));
  if (whole) await session.execute(`TRUNCATE TABLE ONLY ${name}`);
  return `COPY ${name}${columns} FROM STDIN${whole ? ' WITH (FREEZE true)' : ''}`;
}

/** A table without columns has rows too: without a list, COPY takes them as empty lines. */
function columnList({ columns }: TableEntry): string {
  return columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(', ')})`;
}

/** An ordinary table that no extension has put rows into. */
async function mayTruncate(session: Session, { schema, name }: TableEntry): Promise<boolean> {
  const [row] = await session.query<{ may: boolean }>(
    `SELECT c.relkind = 'r' AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') AS may
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname = $2`,
    [schema, name],
  );
  return row?.may ?? false;
}
