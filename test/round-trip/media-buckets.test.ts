import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../functions/store/open-store.ts';
import { cliInProcess, documentOf } from '../cli/run-cli.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, superuserSession } from '../servers/fresh-database.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

let source: FreshDatabase;
let target: FreshDatabase;
let production: FreshBucket;
let staging: FreshBucket;
let store: string;

const put = ({ client, bucket }: FreshBucket, key: string, body: string) =>
  client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));

async function contentOf({ client, bucket }: FreshBucket): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { key } of openStore(`s3://${bucket}`).list('')) {
    const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
    found[key] = (await Body?.transformToString()) ?? '';
  }
  return found;
}

const media = ({ bucket }: FreshBucket, prefix: string) => `s3://${bucket}/${prefix}`;
const restore = (...args: string[]) =>
  cliInProcess(['restore', '--store', store, '--target', target.url, '--yes', ...args]);

beforeAll(async () => {
  [source, target] = [await freshDatabase({ name: 'in_buckets' }), await freshDatabase()];
  [production, staging] = [await freshBucket(), await freshBucket()];
  Object.assign(process.env, production.env);
  store = (await freshBucket()).uri();
  const session = await superuserSession(source.name);
  await session.execute(
    "CREATE TABLE extras_imageattachment (image text); INSERT INTO extras_imageattachment VALUES ('images/a.png')",
  );
  await session.end();
  await put(production, 'media/images/a.png', 'of production');
  await put(production, 'media/images/b.iso', 'large');
  await put(production, 'static/x.css', 'no media');
  await put(staging, 'media/images/a.png', 'of staging');
  await put(staging, 'media/old.png', 'of staging');
  await put(staging, 'beside', 'untouched');
});

describe('media in buckets', () => {
  test('are copied from one into the other by a replication, and the backup says where they are', async () => {
    const run = await cliInProcess([
      ...['replicate', '--source', source.url, '--target', target.url, '--store', store, '--yes', '--json'],
      ...['--media', media(production, 'media'), '--target-media', media(staging, 'media/')],
    ]);
    const { backup, restore: restored } = documentOf(run);
    expect(await contentOf(staging)).toEqual({
      'media/images/a.png': 'of production',
      'media/images/b.iso': 'large',
      'media/old.png': 'of staging',
      beside: 'untouched',
    });
    expect(restored.report.sections.CopyMedia).toEqual({
      from: media(production, 'media/'),
      to: media(staging, 'media/'),
      ...{ files: 2, bytes: 18, added: 1, replaced: 1, removed: 0, leftOut: 0, others: 1 },
    });
    const states = restored.states.map(({ state }: { state: string }) => state);
    const order = ['VerifyRestore', 'AddMediaObjects', 'SwitchOver', 'SettleMediaObjects'];
    expect(states.filter((state: string) => order.includes(state))).toEqual(order);
    const shown = documentOf(
      await cliInProcess(['show', '--store', store, '--backup', backup.backupId, '--json']),
    );
    expect(shown.backup.manifest.media).toBe(
      `media are kept in ${media(production, 'media/')}, a bucket of their own`,
    );
  });

  test('are made the same by a restore that is to remove others, but for what patterns name', async () => {
    const args = ['--media', media(staging, 'media'), '--media-from', media(production, 'media')];
    const dry = await restore(...args, '--dry-run');
    expect(dry.stdout).toContain(`media of ${media(production, 'media/')} can be listed`);
    const done = await restore(...args, '--remove-other-media', '--exclude-media', '*.iso');
    expect(done).toMatchObject({ code: 0 });
    expect(done.stdout).toContain(
      `  1 media file, 13 B, from ${media(production, 'media/')} in ${media(staging, 'media/')}: 0 added, 0 replaced, 2 removed, 1 left out by pattern\n`,
    );
    expect(await contentOf(staging)).toEqual({ 'media/images/a.png': 'of production', beside: 'untouched' });
    const reported = await cliInProcess(['report', '--store', store]);
    expect(reported.stdout).toContain('2 removed, 1 left out by pattern');
  });

  test('that the target in use refers to are as they were when a restore fails', async () => {
    await put(staging, 'media/images/a.png', 'changed in staging');
    const statements = join(await freshFolder(), 'broken.sql');
    await writeFile(statements, 'DELETE FROM extras_imageattachment WHERE image / 0 = 1;');
    const failed = await restore(
      ...['--media', media(staging, 'media'), '--media-from', media(production, 'media')],
      ...['--remove-other-media', '--sanitize-sql', statements],
    );
    expect(failed.code).toBe(1);
    expect(await contentOf(staging)).toEqual({
      'media/images/a.png': 'changed in staging',
      beside: 'untouched',
    });
  });

  test('are not taken for those of tables: they stay', async () => {
    const done = await restore('--table', 'extras_imageattachment');
    expect(done).toMatchObject({ code: 0 });
    expect((await contentOf(staging))['media/images/a.png']).toBe('changed in staging');
  });
});

describe('wrong places of media', () => {
  const replicate = (...args: string[]) =>
    cliInProcess(['replicate', '--source', source.url, '--target', target.url, '--store', store, ...args]);

  test('are refused before anything begins, each with what to do', async () => {
    const to = media(staging, 'media');
    const said = async (run: ReturnType<typeof restore>) => {
      const { code, stderr } = await run;
      return `${code} ${stderr}`;
    };
    expect(await said(restore('--media', to))).toMatch(
      /^2 .*is filled from the source's bucket; give it with --media-from/s,
    );
    expect(await said(restore('--media-from', to))).toMatch(/^2 .*are about media in buckets/s);
    expect(await said(restore('--remove-other-media'))).toMatch(/^2 .*are about media in buckets/s);
    expect(await said(replicate('--media', to, '--target-media', await freshFolder()))).toMatch(
      /^2 .*from a directory into a directory or from a bucket into a bucket/s,
    );
    expect(await said(replicate('--media', 's3://', '--target-media', to))).toMatch(
      /^2 .*--media "s3:\/\/" is not usable: the bucket is missing/s,
    );
    expect(await said(replicate('--media', to, '--target-media', to))).toMatch(
      /^3 .*would be written into the source's media.*\(MediaBucketsOverlap\)/s,
    );
    const nothing = ['--media', to, '--media-from', media(production, 'medai'), '--remove-other-media'];
    expect(await said(restore(...nothing))).toMatch(/^2 .*would be emptied.*\(MediaBucketEmpty\)/s);
    expect(await said(restore('--media', to, '--media-from', 's3://not-there-at-all'))).toMatch(
      /^2 .*\(BucketMissing\)/s,
    );
    expect(await said(restore('--media', to, '--media-only', '*.png'))).toMatch(
      /^2 .*--media-only replaces files in place/s,
    );
  });
});

test('a file that production replaces while staging has none of it is the newest in the end', async () => {
  await put(production, 'media/images/a.png', 'newer, of production');
  await production.client.send(
    new DeleteObjectCommand({ Bucket: production.bucket, Key: 'media/images/b.iso' }),
  );
  const args = ['--media', media(staging, 'media'), '--media-from', media(production, 'media')];
  expect((await restore(...args)).code).toBe(0);
  expect((await contentOf(staging))['media/images/a.png']).toBe('newer, of production');
});
