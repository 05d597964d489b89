import { randomBytes } from 'node:crypto';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { runIdOf } from '../../functions/run/run-id.ts';
import {
  type KeeperOptions,
  type KeeperOutcome,
  keepSnapshot,
} from '../../functions/snapshot/keep-snapshot.ts';
import { openSnapshot } from '../../functions/snapshot/open-snapshot.ts';
import type { LeaveOut } from '../../functions/snapshot/select-relations.ts';

export const everything: LeaveOut = { excludeTables: [], excludeTableData: [], schemaOnly: false };

export function newBackupId(): string {
  return runIdOf(randomBytes(8).toString('hex'), new Date().toISOString());
}

export interface RunningKeeper {
  readonly backupId: string;
  readonly round: number;
  /** Rejects with what the keeper throws. */
  readonly outcome: Promise<KeeperOutcome>;
  readonly yielded: string[];
  release(): void;
  /** Releases it and waits for its end, however it ends. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a keeper and waits until it holds its snapshot. */
export async function startKeeper(
  database: Database,
  options: Partial<KeeperOptions> = {},
): Promise<RunningKeeper> {
  const keeper = beginKeeper(database, options);
  await Promise.race([keeper.opened, keeper.outcome]);
  return keeper;
}

/** Starts a keeper and doesn't wait. */
export function beginKeeper(
  database: Database,
  options: Partial<KeeperOptions> = {},
): RunningKeeper & { readonly opened: Promise<string> } {
  const backupId = options.backupId ?? newBackupId();
  const round = options.round ?? 1;
  const yielded: string[] = [];
  let released = false;
  const ended = new AbortController();
  const opened = Promise.withResolvers<string>();
  const outcome = keepSnapshot({
    database,
    backupId,
    round,
    leaveOut: everything,
    blockedSeconds: 30,
    onYield: async (reason) => {
      yielded.push(reason);
    },
    isReleased: async () => released,
    signal: ended.signal,
    ...options,
    onOpened: opened.resolve,
  });
  outcome.catch(() => {});
  return {
    backupId,
    round,
    outcome,
    yielded,
    opened: opened.promise,
    release() {
      released = true;
    },
    async [Symbol.asyncDispose]() {
      released = true;
      ended.abort(new Error('the test is over'));
      await outcome.catch(() => {});
    },
  };
}

/** Opens what the keeper keeps, as OpenSnapshot does. */
export function lookAt(database: Database, keeper: RunningKeeper, leaveOut = everything) {
  return openSnapshot({ database, backupId: keeper.backupId, round: keeper.round, leaveOut });
}

/** A session that ends with its block. */
export async function sessionOf(url: string, applicationName = 'test'): Promise<Session & AsyncDisposable> {
  const session = await (await openDatabase(url)).connect({ applicationName });
  return Object.assign(session, { [Symbol.asyncDispose]: () => session.end() });
}
