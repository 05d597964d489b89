import type { SourceFacts } from '../archive/manifest.ts';
import { scanMedia } from '../media/scan.ts';
import { StatementFailed } from '../postgres/errors.ts';
import type { Database, Session } from '../postgres/session.ts';
import { SnapshotBlocked } from '../snapshot/errors.ts';
import { readRelations } from '../snapshot/relations.ts';
import { type LeaveOut, selectRelations } from '../snapshot/select-relations.ts';
import { connectForSnapshot } from '../snapshot/snapshot-session.ts';
import { sourceFacts } from '../snapshot/source-facts.ts';
import { readTables } from '../snapshot/tables.ts';
import type { MediaShape, TableShape } from './database-shape.ts';

export interface SourceShape {
  readonly source: SourceFacts;
  /** Tables whose rows a backup would hold. */
  readonly tables: readonly TableShape[];
  /** Tables whose definitions alone it would hold. */
  readonly definitionOnly: number;
}

/**
 * Sizes of what a backup would read, as of now; no row is read.
 * @throws PatternMatchesNothing, BadPattern, SourceTooOld, SnapshotBlocked while a table is being rewritten
 */
export async function readShape(
  database: Database,
  leaveOut: LeaveOut,
  signal?: AbortSignal,
): Promise<SourceShape> {
  const session = await connectForSnapshot(database, {
    applicationName: 'replicator:estimate',
    // Somebody waits for the answer, and the next try costs nothing
    settings: { lock_timeout: '3s' },
    ...(signal ? { signal } : {}),
  });
  try {
    const relations = await readRelations(session);
    const selection = selectRelations(relations, leaveOut, database.address.database);
    const tables = await readTables(session, selection.rows, relations);
    const indexes = await countBy(session, 'SELECT indrelid AS oid FROM pg_catalog.pg_index');
    const foreignKeys = await countBy(
      session,
      "SELECT conrelid AS oid FROM pg_catalog.pg_constraint WHERE contype = 'f'",
    );
    return {
      source: await sourceFacts(session, database.address),
      tables: tables.map((table) => ({
        ...table,
        indexes: indexes.get(table.oid) ?? 0,
        foreignKeys: foreignKeys.get(table.oid) ?? 0,
      })),
      definitionOnly: selection.definitionOnly.length,
    };
  } catch (error) {
    // lock_not_available: sizes open the tables
    if (!(error instanceof StatementFailed) || error.sqlState !== '55P03') throw error;
    throw new SnapshotBlocked(
      'a transaction of the source holds a table exclusively, so that its size can not be read; ask again when it has ended',
      { cause: error },
    );
  } finally {
    await session.end();
  }
}

/** Rows of a query for each oid. */
async function countBy(session: Session, sql: string): Promise<Map<number, number>> {
  const rows = await session.query<{ oid: string; count: string }>(
    `SELECT oid::pg_catalog.int8::text AS oid, pg_catalog.count(*)::text AS count FROM (${sql}) AS found GROUP BY oid`,
  );
  return new Map(rows.map(({ oid, count }) => [Number(oid), Number(count)]));
}

/** @throws MediaDirectoryMissing, MediaUnreadable */
export async function readMediaShape(directory: string, signal?: AbortSignal): Promise<MediaShape> {
  let files = 0;
  let bytes = 0;
  for await (const { kind, size } of scanMedia(directory, () => {})) {
    signal?.throwIfAborted();
    if (kind === 'file') files += 1;
    bytes += size;
  }
  return { files, bytes };
}
