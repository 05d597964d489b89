import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { StatementFailed } from '../../functions/postgres/errors.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { watchedDatabase } from './watched-run.ts';

/** What a process that was killed can't catch: after it, nothing that is tried has any effect. */
export class Death extends Error {}

/** Statements that change something; looking may happen any number of times. */
const changes = /^(sql|done) (BEGIN|COMMIT|ALTER|COMMENT|GRANT|REVOKE|DROP|CREATE)\b/;

/**
 * A life that ends at its n-th change, be it a statement (before it is sent, or after it was answered) or a call to the
 * file system, as if the process had been killed there: later statements and calls fail before they do anything.
 */
export class Mortality {
  /** Changes so far. */
  count = 0;
  /** What it died at. */
  diedAt: string | undefined;
  readonly #at: number;
  readonly #once: boolean;
  readonly #calls = {
    promises: pick(fs.promises, ['rename', 'unlink', 'rmdir', 'mkdir', 'chmod']),
    sync: pick(fs, ['renameSync']),
  };

  /** @param once no death: that change alone fails, as on a full disk, and life goes on */
  constructor(at: number, { once = false } = {}) {
    this.#at = at;
    this.#once = once;
  }

  database(database: Database): Database {
    return watchedDatabase(database, (point) => this.#pass(point, changes.test(point)));
  }

  /** Does something during which the file system ends with this life as well. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    const { promises, sync } = this.#calls;
    const mortal = <Call extends (...given: never[]) => unknown>(name: string, call: Call) =>
      ((...given: Parameters<Call>) => {
        this.#pass(`fs ${name} ${String(given[0])}`, true);
        return call(...given);
      }) as Call;
    for (const [name, call] of Object.entries(promises))
      Object.assign(fs.promises, { [name]: mortal(name, call) });
    for (const [name, call] of Object.entries(sync)) Object.assign(fs, { [name]: mortal(name, call) });
    syncBuiltinESMExports();
    try {
      return await work();
    } finally {
      Object.assign(fs.promises, promises);
      Object.assign(fs, sync);
      syncBuiltinESMExports();
    }
  }

  #pass(point: string, counts: boolean): void {
    if (this.diedAt !== undefined && !this.#once) throw new Death(`dead since ${this.diedAt}`);
    if (!counts) return;
    this.count += 1;
    if (this.count !== this.#at) return;
    this.diedAt = point;
    if (this.#once) throw new StatementFailed('no space left on device', '53100');
    throw new Death(`died at ${point}`);
  }
}

function pick<From, Name extends keyof From>(from: From, names: readonly Name[]): Pick<From, Name> {
  return Object.fromEntries(names.map((name) => [name, from[name]])) as Pick<From, Name>;
}
