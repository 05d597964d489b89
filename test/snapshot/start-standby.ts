import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase } from '../../functions/postgres/database.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';
import {
  canRun,
  findPostgresBinaries,
  movedTo,
  nativeFolder,
  postgresOwner,
} from '../../local/servers/postgres-binaries.ts';
import { onFreePort, startSupervised } from '../../local/servers/supervised.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { sessionOf } from './start-keeper.ts';

const run = promisify(execFile);

export interface PrimaryAndStandby {
  readonly primary: PostgresServer;
  /** URL of a database on the standby. */
  standbyUrl(database: string): string;
  stop(): Promise<void>;
}

/** A server, and another that replays its log (streaming) and answers queries. */
export async function startStandby(): Promise<PrimaryAndStandby> {
  const primary = await startPostgres();
  const folder = await freshFolder('standby');
  const data = join(folder, 'data');
  await using session = await sessionOf(primary.url('postgres'));
  await session.query(`SELECT pg_backup_start('standby', true)`);
  await cp(join(primary.directory, 'data'), data, { recursive: true });
  const [label] = await session.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  await rm(join(data, 'postmaster.pid'));
  await writeFile(join(data, 'backup_label'), label?.labelfile ?? '');
  await writeFile(join(data, 'standby.signal'), '');

  const packaged = await findPostgresBinaries();
  const owner = await postgresOwner();
  await run('chmod', ['700', data]);
  if (owner !== undefined) await run('chown', ['-R', `${owner.uid}:${owner.gid}`, data]);
  const inPlace = await canRun(packaged.postgres, owner);
  const standby = await onFreePort(async (port) => {
    const directory = `${folder}-${port}`;
    const binaries = inPlace ? packaged : movedTo(packaged, join(directory, 'native'));
    const settings = {
      port,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      max_standby_streaming_delay: '1s',
      primary_conninfo: `host=127.0.0.1 port=${primary.port} user=${primary.superuser} password=${primary.password}`,
    };
    const url = (database: string) => primary.url(database).replace(`:${primary.port}/`, `:${port}/`);
    const server = await startSupervised(
      {
        directory,
        ...(owner === undefined ? {} : { owner }),
        folders: inPlace ? {} : { native: nativeFolder(packaged) },
        serve: {
          file: binaries.postgres,
          args: [
            '-D',
            data,
            ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
          ],
        },
        stopSignals: ['SIGINT', 'SIGQUIT'],
      },
      async () => {
        try {
          const session = await (await openDatabase(url('postgres'))).connect({ applicationName: 'test' });
          await session.end();
          return true;
        } catch {
          return false;
        }
      },
    );
    return { server, url };
  });
  return {
    primary,
    standbyUrl: standby.url,
    stop: async () => {
      await standby.server.stop();
      await primary.stop();
    },
  };
}
