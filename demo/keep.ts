import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import type { S3Server } from '../local/servers/s3.ts';
import { headline, line } from './print.ts';
import type { DemoNautobot } from './production.ts';
import { bucket, type DemoServers } from './servers.ts';

export interface Kept {
  readonly servers: DemoServers;
  readonly production: DemoNautobot;
  readonly staging: DemoNautobot;
  /** `s3://bucket/prefix` */
  readonly store: string;
  readonly backupId: string;
}

/** In the folder that npm runs the demo in, the project's; each demo replaces what the last one kept. */
const keptFiles = resolve('.replicator-demo');

/** Says how to connect and returns never: Ctrl-C ends the demo, and its servers with it. */
export async function keepOpen(kept: Kept): Promise<never> {
  const { servers, production, staging, store, backupId } = kept;
  const folder = await downloadBackup(servers.s3, backupId);
  headline('Everything stays up until Ctrl-C. Look around in another terminal:');
  line(`  production  psql '${production.url}'`);
  line(`  its media   ${production.media}`);
  line(`  staging     psql '${staging.url}'`);
  line(`  its media   ${staging.media}`);
  if (servers.redis !== undefined) line(`  cache       redis-cli -p ${servers.redis.port} -n 1`);
  line(`  superusers  ${production.server.url('postgres')}`);
  line(`              ${staging.server.url('postgres')}`);
  headline('The store, for the command line and for every S3 client:');
  for (const [name, value] of Object.entries(servers.s3.env)) line(`  export ${name}=${value}`);
  line(`  npm run replicator -- list --store ${store}`);
  line(`  npm run replicator -- verify --store ${store}`);
  headline("A copy of the backup's files, which stays after Ctrl-C:");
  line(`  ${relative(process.cwd(), folder) || '.'}`);
  line(`  zstd -dc ${relative(process.cwd(), join(folder, 'database.sql.zst'))} | less`);
  line(`  tar -tf ${relative(process.cwd(), join(folder, 'media.tar.zst'))}`);
  // A promise alone doesn't keep the process alive.
  setInterval(() => {}, 60_000);
  return new Promise<never>(() => {});
}

async function downloadBackup(s3: S3Server, backupId: string): Promise<string> {
  const folder = join(keptFiles, backupId);
  await rm(keptFiles, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    credentials: s3,
    forcePathStyle: true,
  });
  const prefix = `nautobot/backups/${backupId}/`;
  const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }));
  for (const { Key: key } of listed.Contents ?? []) {
    const { Body: body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    if (key === undefined || !(body instanceof Readable)) throw new TypeError(`${key} can't be read`);
    await pipeline(body, createWriteStream(join(folder, key.slice(prefix.length))));
  }
  client.destroy();
  return folder;
}
