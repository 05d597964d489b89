import { setTimeout as sleep } from 'node:timers/promises';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { endSessions, endSessionsAndWait, findSessions } from './end-sessions.ts';
import { SessionsInTheWay } from './errors.ts';
import { hasSqlState } from './sql-state.ts';

export interface Swap {
  /** In use, and its OID. */
  readonly current: string;
  readonly currentOid: string;
  /** The name that the one in use gets. */
  readonly aside: string;
  /** What comes into use, and its OID. */
  readonly next: string;
  readonly nextOid: string;
  /** More for the same transaction, after the renames; `next` is called `current` then. */
  readonly statements: readonly string[];
  /** Called right before the commit is sent, in the same breath: what has to change at the same moment. */
  readonly beforeCommit?: (() => void) | undefined;
  /** Looked at before each try; a rename that has begun goes on. */
  readonly signal?: AbortSignal | undefined;
}

export interface Swapped {
  /** Sessions of the old database that were ended. */
  readonly endedSessions: number;
  /** Milliseconds from the first session ended to the commit. */
  readonly awayMs: number;
}

/** Once the first rename holds its lock, clients wait in their start-up, so that it has only to come through once. */
const attempts = 4;

/**
 * Renames both databases in one transaction, while `ender` keeps ending sessions of the one in use: clients that
 * reconnect at once would never let it through otherwise. Not ALLOW_CONNECTIONS: a crash would leave it shut.
 * @throws SessionsInTheWay when some could not be ended in time; nothing was renamed then
 */
export async function swapNames(renamer: Session, ender: Session, swap: Swap): Promise<Swapped> {
  const ended = new Set<number>();
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    swap.signal?.throwIfAborted();
    // Nobody else may connect to the new one; a monitoring superuser can
    await endSessionsAndWait(ender, { databases: [swap.nextOid] }, 1_000);
    try {
      await whileEnding(ender, swap.currentOid, ended, () => rename(renamer, swap));
      return { endedSessions: ended.size, awayMs: Math.round(performance.now() - startedAt) };
    } catch (error) {
      await renamer.execute('ROLLBACK').catch(() => {});
      // object_in_use, lock_not_available, deadlock_detected
      if (!hasSqlState(error, '55006', '55P03', '40P01')) throw error;
      if (attempt === attempts) throw await inTheWay(ender, swap, error);
    }
  }
}

async function rename(session: Session, swap: Swap): Promise<void> {
  const [current, aside, next] = [swap.current, swap.aside, swap.next].map(quoteIdentifier);
  await session.execute("BEGIN; SET LOCAL lock_timeout = '10s'");
  await session.execute(`ALTER DATABASE ${current} RENAME TO ${aside}`);
  await session.execute(`ALTER DATABASE ${next} RENAME TO ${current}`);
  for (const statement of swap.statements) await session.execute(statement);
  // Nothing is awaited in between: a process killed here has done both, or neither
  swap.beforeCommit?.();
  await session.execute('COMMIT');
}

async function whileEnding(
  ender: Session,
  oid: string,
  ended: Set<number>,
  work: () => Promise<void>,
): Promise<void> {
  let working = true;
  const ending = (async () => {
    while (working) {
      for (const pid of (await endSessions(ender, { databases: [oid] })).ended) ended.add(pid);
      await sleep(10);
    }
  })();
  // An error of the ending alone shows after the work, which then decides
  ending.catch(() => {});
  try {
    await work();
  } finally {
    working = false;
  }
  await ending.catch(() => {});
}

async function inTheWay(ender: Session, swap: Swap, cause: unknown): Promise<SessionsInTheWay> {
  const remaining = await findSessions(ender, { databases: [swap.currentOid, swap.nextOid] });
  const who = remaining.map(({ description }) => description).join(', ') || 'none that can be seen';
  return new SessionsInTheWay(
    `the database ${swap.current} could not be switched over, it is as before: ${(cause as Error).message}; connected: ${who}. Stop what connects to it and run the restore again`,
    { cause },
  );
}
