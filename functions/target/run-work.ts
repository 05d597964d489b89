import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, Session } from '../postgres/session.ts';
import { endless, type Lifetime } from '../run/lifetime.ts';
import { countLeft } from './bookkeeping.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader, withLoader } from './sessions.ts';

/** Work that the server brings to its end although whoever started it has gone. */
export interface Work {
  /** Together they name it in the bookkeeping. */
  readonly step: string;
  readonly subject: string;
  /** Does it, or finds it done. @returns false: another session is at it */
  attempt(session: Session): Promise<boolean>;
}

export interface WorkOptions {
  /** Sessions at once. */
  readonly jobs: number;
  /** When it is nearly over, what is under way is left to the server and to who comes next. */
  readonly life?: Lifetime | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface WorkSessions {
  /** Of their application names. */
  readonly part: string;
  /** false: as the connecting role. */
  readonly asOwner?: boolean;
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly prepare?: (session: Session) => Promise<void>;
}

/** Milliseconds between two looks at work that another session is at; a twentieth of the time that it took so far. */
const shortestLookMs = 20;
const longestLookMs = 2_000;
/** The longest that a timer can be set to. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Works through groups with several sessions, each group in its order by one of them. Work that another session is at,
 * such as the one that an earlier invocation has left, is waited for: it has its share of the server already.
 * The first failure ends the other sessions' waiting, too.
 * @returns whether all is done; false: the lifetime is nearly over
 */
export async function runWork(
  target: Database,
  rebuild: Rebuild,
  groups: readonly (readonly Work[])[],
  options: WorkOptions & WorkSessions,
): Promise<boolean> {
  const { jobs, life = endless, signal, part, asOwner, settings, prepare } = options;
  if (groups.length === 0) return true;
  if (life.isNearlyOver) return false;
  const leaving = new AbortController();
  const either = signal ? AbortSignal.any([signal, leaving.signal]) : leaving.signal;
  const timer = setTimeout(() => leaving.abort(new Leaving()), Math.min(life.leftMs(), longestTimerMs));
  const underWay = new Set<Work>();
  const finish = async (session: Session, work: Work) => {
    for (const began = performance.now(); ; ) {
      if (life.isNearlyOver) leaving.abort(new Leaving());
      either.throwIfAborted();
      underWay.add(work);
      const done = await work.attempt(session);
      underWay.delete(work);
      if (done) return;
      const pause = (performance.now() - began) / 20;
      const bounded = Math.min(longestLookMs, Math.max(shortestLookMs, pause));
      await sleep(bounded, undefined, { signal: either }).catch(() => either.throwIfAborted());
    }
  };
  try {
    await inParallel(
      groups,
      jobs,
      async (worker) => {
        const session = await openLoader(target, rebuild, {
          part: `${part}:${worker}`,
          signal: either,
          settings,
          ...(asOwner !== undefined && { asOwner }),
        });
        await prepare?.(session);
        return session;
      },
      async (session, group) => {
        try {
          for (const work of group) await finish(session, work);
        } catch (error) {
          leaving.abort(new Leaving());
          throw error;
        }
      },
    );
    return true;
  } catch (error) {
    if (!(error instanceof Leaving)) throw error;
  } finally {
    clearTimeout(timer);
  }
  await withLoader(target, rebuild, { part: `${part}:left`, signal }, (session) =>
    countLeft(session, [...underWay]),
  );
  return false;
}

/** Why sessions end that are left to themselves; nobody sees it. */
class Leaving extends Error {}
