import { createHash } from 'node:crypto';
import { describeAddress } from '../postgres/address.ts';
import type { Database } from '../postgres/session.ts';
import type { LockSubject } from './run-lock.ts';

/**
 * What a lock on a database is named after: the running server (its start, to the microsecond) and the database's
 * name, so that one server reached by two names is one, and copies that share a system identifier are two.
 * @throws ServerUnreachable, LoginRefused, DatabaseMissing: this is the first time that a run meets the server
 */
export async function lockSubject(
  kind: 'source' | 'target',
  database: Database,
  runId: string,
  signal?: AbortSignal,
): Promise<LockSubject> {
  const session = await database.connect({
    applicationName: `replicator:${runId}:lock`,
    ...(signal ? { signal } : {}),
  });
  try {
    const [row] = await session.query<{ started: string; name: string }>(
      'SELECT EXTRACT(EPOCH FROM pg_catalog.pg_postmaster_start_time())::text AS started, pg_catalog.current_database() AS name',
    );
    const identity = createHash('sha256').update(`${row?.started} ${row?.name}`).digest('hex');
    return { kind, identity, description: describeAddress(database.address) };
  } finally {
    await session.end();
  }
}
