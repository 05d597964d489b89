import { Writable } from 'node:stream';
import { RunDisplay } from '../../cli/progress/run-display.ts';
import { type Places, surroundingsOf } from '../../cli/surroundings.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { beatingHandlers } from '../../local/heartbeat.ts';
import { runMachine } from '../../local/run-machine.ts';
import { type Fault, faulty } from '../store/faults.ts';

/**
 * Told of every point that a run passes, in one line each, before it goes on:
 * `state CopyShard` and `left CopyShard`; `sql COMMIT` and, when the server has answered, `done COMMIT`;
 * `s3 PUT /bucket/key?uploadId`. What it throws is the fault of that point; a promise holds the run up.
 */
export type Watch = (point: string) => void | Promise<void>;

export interface WatchedRun {
  readonly machine: 'backup' | 'restore' | 'clean-up';
  readonly places: Places;
  readonly input?: Record<string, unknown>;
  readonly watch?: Watch;
  /** What goes wrong with a request to the store. */
  readonly fault?: (request: string) => Fault | undefined;
  readonly signal?: AbortSignal;
  /** In place of handlers of these names, which they are given. */
  readonly instead?: Readonly<Record<string, (work: StateHandler) => StateHandler>>;
  /** As `--lambda-seconds`. */
  readonly lambdaSeconds?: number;
  /** Warnings are added. */
  readonly warnings?: string[];
}

/** Runs a machine as the command line does, with somebody watching each of its points. */
export async function watchedRun(run: WatchedRun): Promise<unknown> {
  const { machine, places, watch = () => {}, fault, signal = new AbortController().signal } = run;
  const quiet = new Writable({ write: (_chunk, _encoding, done) => done() });
  const io = { stdout: quiet, stderr: quiet, environment: process.env, signal };
  const display = new RunDisplay(io, true);
  const surroundings = await surroundingsOf({ yes: true, ...places }, io, display);
  const { handler } = faulty(({ method, path, query }) => {
    const names = Object.keys(query).filter((name) => name !== 'x-id');
    const request = `s3 ${method} ${path}${names.length > 0 ? `?${names.join('&')}` : ''}`;
    void watch(request);
    return fault?.(request);
  });
  const { source, target } = surroundings;
  const watched = {
    ...surroundings,
    store: openStore(places.store, { requestHandler: handler }),
    ...(source && { source: watchedDatabase(source, watch) }),
    ...(target && { target: watchedDatabase(target, watch) }),
  };
  const { handlers, stop } = beatingHandlers();
  try {
    return await runMachine(machine, run.input ?? {}, {
      handlers: Object.fromEntries(
        Object.entries(handlers).map(([name, work]) => [
          name,
          watchedHandler(name, run.instead?.[name]?.(work) ?? work, watch),
        ]),
      ),
      surroundingsFor: () => watched,
      signal,
      lambdaSeconds: run.lambdaSeconds,
    });
  } finally {
    stop();
    run.warnings?.push(...display.warnings);
    display.end();
  }
}

function watchedHandler(name: string, work: StateHandler, watch: Watch): StateHandler {
  return async (input, surroundings) => {
    await watch(`state ${name}`);
    const output = await work(input, surroundings);
    await watch(`left ${name}`);
    return output;
  };
}

/** A database all of whose statements are told before they are sent and after they are answered. */
export function watchedDatabase(database: Database, watch: Watch): Database {
  return {
    address: database.address,
    connect: async (options) => watchedSession(await database.connect(options), watch),
  };
}

function watchedSession(session: Session, watch: Watch): Session {
  const around = async <T>(sql: string, work: () => Promise<T>): Promise<T> => {
    const line = sql.trim().replaceAll(/\s+/g, ' ');
    // Not awaited when there is nothing to wait for: what is meant to happen in one breath does
    const held = watch(`sql ${line}`);
    if (held) await held;
    const result = await work();
    await watch(`done ${line}`);
    return result;
  };
  return {
    processId: session.processId,
    serverVersion: session.serverVersion,
    query: (sql, parameters) => around(sql, () => session.query(sql, parameters)),
    execute: (sql) => around(sql, () => session.execute(sql)),
    copyIn: (sql, rows) => around(sql, () => session.copyIn(sql, rows)),
    copyOut: (sql, options) => {
      void watch(`sql ${sql}`);
      return session.copyOut(sql, options);
    },
    takeOver: () => session.takeOver(),
    end: () => session.end(),
  };
}
