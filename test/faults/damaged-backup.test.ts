import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { fingerprintDatabase } from '../../local/compare-databases.ts';
import { readFolder } from '../../local/compare-folders.ts';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';
import { databasesLeft, mediaLeft } from './what-is-left.ts';

let source: SmallNautobot;
let bucket: FreshBucket;
let backupId: string;
beforeAll(async () => {
  Object.assign(process.env, inject('servers').s3.env);
  source = await smallNautobot('damaged', 2000);
  bucket = await freshBucket();
  const made = await cliInProcess([
    'backup',
    '--source',
    source.database.url,
    '--store',
    bucket.uri(),
    '--media',
    source.media,
    '--json',
  ]);
  backupId = documentOf(made).backup.backupId;
});

/** Changes a stored file for as long as the work takes. */
async function spoilt<T>(
  file: string,
  change: (bytes: Buffer) => Buffer,
  work: () => Promise<T>,
): Promise<T> {
  const at = { Bucket: bucket.bucket, Key: `nautobot/backups/${backupId}/${file}` };
  const answer = await bucket.client.send(new GetObjectCommand(at));
  const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
  await bucket.client.send(new PutObjectCommand({ ...at, Body: change(Buffer.from(bytes)) }));
  try {
    return await work();
  } finally {
    await bucket.client.send(new PutObjectCommand({ ...at, Body: bytes }));
  }
}

const flip = (part: number) => (bytes: Buffer) => {
  const at = Math.floor(bytes.length * part);
  bytes[at] = (bytes[at] ?? 0) ^ 0x10;
  return bytes;
};
const cut = (bytes: Buffer) => bytes.subarray(0, bytes.length - 10);

describe.each([
  ['a bit of the rows that is another', 'database.sql.zst', flip(0.6)],
  ['a bit of the definitions that is another', 'database.sql.zst', flip(0.01)],
  ['a bit of the media that is another', 'media.tar.zst', flip(0.4)],
  ['a dump that ends early', 'database.sql.zst', cut],
  ['an archive that ends early', 'media.tar.zst', cut],
  [
    'a manifest that was edited',
    'manifest.json',
    (bytes: Buffer) => Buffer.from(bytes.toString().replace('"rows": 2000', '"rows": 1999')),
  ],
] as const)('a backup with %s', (_what, file, change) => {
  test('is called damaged by verify and restore, with exit code 4, and the target stays as it was', async () => {
    const target = await smallNautobot('spared', 10);
    const before = [
      await fingerprintDatabase(await openDatabase(target.database.url)),
      await readFolder(target.media),
    ];
    await spoilt(file, change, async () => {
      const verified = await cliInProcess(['verify', backupId, '--store', bucket.uri()]);
      expect(verified.code, verified.stderr).toBe(4);
      const restored = await cliInProcess([
        ...['restore', '--store', bucket.uri(), '--backup', backupId, '--yes'],
        ...['--target', target.database.url, '--media', target.media],
      ]);
      expect(restored.stderr).toMatch(/DamagedBackup|MediaDamaged/);
      expect(restored.code).toBe(4);
    });
    expect([
      await fingerprintDatabase(await openDatabase(target.database.url)),
      await readFolder(target.media),
    ]).toEqual(before);
    expect(await databasesLeft(target.database)).toEqual([]);
    expect(await mediaLeft(target.media)).toEqual([]);
    await target.database.drop();
  });
});
