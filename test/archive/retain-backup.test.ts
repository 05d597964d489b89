import { CreateBucketCommand, DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../functions/archive/manifest.ts';
import { retainBackup } from '../../functions/archive/retain-backup.ts';
import { parseRetention } from '../../functions/run/retention.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import {
  plainClient,
  presentServers,
  type RunningServer,
  startServer,
  useServer,
} from '../store/s3-servers.ts';

const { present } = await presentServers();
const locking = present.includes('moto_server');
let server: RunningServer | undefined;
let restore: (() => void) | undefined;
afterAll(async () => {
  restore?.();
  await server?.stop();
});

const backupId = '20261123T054300Z-k3f9qa';
const files = ['database.sql.zst', 'schema.sql', 'manifest.json'];
const manifest = {
  backupId,
  sealedAt: new Date().toISOString(),
  files: { media: null },
} as unknown as Manifest;

test('retention is written as mode and days', () => {
  expect(parseRetention('COMPLIANCE:7', 'X')).toEqual({ mode: 'COMPLIANCE', days: 7 });
  for (const text of ['', 'GOVERNANCE', 'GOVERNANCE:0', 'governance:7', 'GOVERNANCE:7d'])
    expect(() => parseRetention(text, 'X')).toThrow('X is not of the form');
});

if (!locking)
  test('moto_server is not on the PATH, so Object Lock was not tried', async () => {
    expect(await findProgram('moto_server')).toBeUndefined();
  });
else
  describe('a sealed backup', () => {
    test('can not be deleted for as long as it is retained, and retaining it again changes nothing', async () => {
      server = await startServer('moto_server');
      restore = useServer(server.env);
      const client = plainClient();
      const Bucket = 'locked';
      await client.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
      const store = openStore(`s3://${Bucket}/nautobot`);
      for (const file of files) await store.put(`backups/${backupId}/${file}`, 'sealed');
      for (let time = 1; time <= 2; time += 1)
        await retainBackup(store, manifest, { mode: 'COMPLIANCE', days: 30 });
      for (const file of files) {
        const Key = `nautobot/backups/${backupId}/${file}`;
        const head = await client.send(new HeadObjectCommand({ Bucket, Key }));
        expect(head.ObjectLockMode).toBe('COMPLIANCE');
        const days = (Number(head.ObjectLockRetainUntilDate) - Date.parse(manifest.sealedAt)) / 86_400_000;
        expect(days).toBeCloseTo(30, 3);
        const { VersionId } = head;
        await expect(client.send(new DeleteObjectCommand({ Bucket, Key, VersionId }))).rejects.toThrow(
          /denied/i,
        );
      }
      client.destroy();
    });
  });
