import { zstdDecompressSync } from 'node:zlib';
import { GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readManifest } from '../../functions/archive/read-manifest.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { verbs } from '../round-trip/replicator.ts';
import { type FreshBucket, freshBucket } from '../servers/fresh-bucket.ts';
import { type FreshDatabase, freshDatabase, freshRole, superuserSession } from '../servers/fresh-database.ts';
import { everyMarker, findMarkers, type PlantedColumn, plantSecrets } from './planted.ts';

/** Every frame of every object, decompressed; what is not compressed as it is. */
async function everyByteOf({ bucket, client }: FreshBucket): Promise<Buffer> {
  const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  const parts: Buffer[] = [];
  for (const { Key } of listed.Contents ?? []) {
    const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key }));
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    parts.push(bytes, Buffer.from(Key ?? ''));
    const magic = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    for (let at = bytes.indexOf(magic); at >= 0; at = bytes.indexOf(magic, at + 1)) {
      try {
        parts.push(zstdDecompressSync(bytes.subarray(at)));
      } catch {
        // Bytes of a frame that look like another's beginning
      }
    }
  }
  return Buffer.concat(parts);
}

describe('the built-in profile at the source', () => {
  let source: FreshDatabase;
  let bucket: FreshBucket;
  let backupId: string;
  let planted: PlantedColumn[];
  const drops: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    source = await freshDatabase({ template: 'nautobot_31' });
    drops.push(source.drop);
    const session = await superuserSession(source.name);
    planted = await plantSecrets(session);
    await session.execute("UPDATE tenancy_tenant SET comments = 'no secret, to be found'");
    await session.end();
    const reader = await freshRole({ memberOf: ['pg_read_all_data'] });
    bucket = await freshBucket();
    const done = await verbs().backup({
      source: source.urlAs(reader),
      store: bucket.uri(),
      profile: 'nautobot',
    });
    backupId = done.backupId;
  });
  afterAll(async () => {
    for (const drop of drops) await drop();
  });

  it('keeps what it masks out of every object of the store, read by a role that may only read', async () => {
    const bytes = await everyByteOf(bucket);
    expect(bytes.includes('no secret, to be found')).toBe(true);
    expect(bytes.includes(everyMarker)).toBe(false);
    const manifest = await readManifest(openStore(bucket.uri()), backupId);
    expect(manifest.version).toBe(1);
    expect(manifest.profile).toMatchObject({ name: 'nautobot', filtered: [] });
    expect(manifest.profile?.withoutRows).toContain('public.users_token');
    expect(manifest.profile?.masked).toContainEqual({
      table: 'public.extras_secret',
      columns: ['parameters'],
    });
  });

  it('makes a backup that restores like any other, with pseudonyms that are unique', async () => {
    const target = await freshDatabase();
    drops.push(target.drop);
    await verbs().restore({ store: bucket.uri(), target: target.url });
    const staging = await superuserSession(target.name);
    expect(await findMarkers(staging, planted)).toEqual([]);
    const users = "SELECT count(DISTINCT username)::int AS n FROM auth_user WHERE username LIKE 'user-%'";
    expect(await staging.query(users)).toEqual([{ n: 16 }]);
    await staging.end();
  });
});
