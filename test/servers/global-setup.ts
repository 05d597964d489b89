import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from '../../local/servers/postgres.ts';
import { startS3 } from '../../local/servers/s3.ts';

/** What tests are told about the servers that the whole test run shares. */
export interface SharedServers {
  readonly postgres: {
    readonly host: string;
    readonly port: number;
    readonly superuser: string;
    readonly password: string;
  };
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly env: Readonly<Record<string, string>>;
  };
  /** Goes away with the servers, however the test run ends. */
  readonly folders: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    readonly servers: SharedServers;
  }
}

/** Starts one PostgreSQL and one S3 server for all test files. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [postgres, s3] = await Promise.all([
    startPostgres({ settings: { max_connections: '200' } }),
    startS3(),
  ]);
  const folders = join(s3.directory, 'folders');
  await mkdir(folders, { mode: 0o711 });
  const { host, port, superuser, password } = postgres;
  const { endpoint, region, accessKeyId, secretAccessKey, env } = s3;
  project.provide('servers', {
    postgres: { host, port, superuser, password },
    s3: { endpoint, region, accessKeyId, secretAccessKey, env },
    folders,
  });
  return async () => {
    await Promise.all([postgres.stop(), s3.stop()]);
  };
}
