import type { Database, Session } from '../postgres/session.ts';
import { SourceTooOld } from './errors.ts';

export interface SnapshotSessionOptions {
  readonly applicationName: string;
  /** More start-up settings. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Bound of every wait for a lock that is not asked for with NOWAIT. */
const lockTimeout = '10s';

/**
 * A session that may stay in one transaction for hours: the time-outs that a role or server sets are off, the one for
 * locks never is. The server finds out within minutes when we are gone without a word.
 * @throws SourceTooOld
 */
export async function connectForSnapshot(
  database: Database,
  options: SnapshotSessionOptions,
): Promise<Session> {
  const session = await database.connect({
    applicationName: options.applicationName,
    settings: {
      statement_timeout: '0',
      idle_in_transaction_session_timeout: '0',
      lock_timeout: lockTimeout,
      tcp_keepalives_idle: '60',
      tcp_keepalives_interval: '15',
      tcp_keepalives_count: '4',
      ...options.settings,
    },
    ...(options.signal ? { signal: options.signal } : {}),
  });
  try {
    const { serverVersion } = session;
    if (serverVersion < 12_00_00)
      throw new SourceTooOld(
        `PostgreSQL ${Math.floor(serverVersion / 10_000)} can't be read; 12 is the oldest`,
      );
    // An unknown setting at start-up would refuse the connection; here, outside a transaction, it stays as well
    if (serverVersion >= 14_00_00) await session.execute('SET idle_session_timeout = 0');
    if (serverVersion >= 17_00_00) await session.execute('SET transaction_timeout = 0');
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/**
 * What makes a snapshot this one, for workers to compare: `4711:4715:4711,4713`, who was running when it was taken.
 * On a standby the list of those is missing from `pg_current_snapshot()`, so that two snapshots can have the same text:
 * there the lineage of its keepers is named as well, `4711:4715: 801264`.
 */
export function snapshotIdentity(
  text: string,
  keeper: { readonly lineage: number },
  standby: boolean,
): string {
  return standby ? `${text} ${keeper.lineage}` : text;
}

/** Was the snapshot of this identity taken on a standby? It may have been promoted since. */
export function isOfStandby(identity: string): boolean {
  return identity.includes(' ');
}

/** Does this session's transaction have a snapshot with the text that the identity begins with? */
export async function seesSnapshot(session: Session, identity: string): Promise<boolean> {
  return (await snapshotText(session)) === identity.split(' ')[0];
}

/** `pg_current_snapshot()`: the same for all who import a snapshot. */
export async function snapshotText(session: Session): Promise<string> {
  const call = session.serverVersion >= 13_00_00 ? 'pg_current_snapshot' : 'txid_current_snapshot';
  const [row] = await session.query<{ text: string }>(`SELECT pg_catalog.${call}()::text AS text`);
  return row?.text ?? '';
}
