import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { latestBackup, listBackups } from '../../functions/archive/list-backups.ts';
import type { Manifest } from '../../functions/archive/manifest.ts';
import { readManifest } from '../../functions/archive/read-manifest.ts';
import { sealBackup } from '../../functions/archive/seal.ts';
import { writeManifest } from '../../functions/archive/write-manifest.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { sampleRun } from './sample-backup.ts';
import { testStore } from './test-store.ts';

const id = (n: number) => `202611${String(n).padStart(2, '0')}T054300Z-k3f9qa`;

describe('manifests', () => {
  let store: ObjectStore;
  let manifest: Manifest;
  beforeEach(async () => {
    store = (await testStore()).store;
    manifest = await sealBackup(store, await sampleRun(store, id(1), false));
  });

  const key = `backups/${id(1)}/manifest.json`;

  async function textOf(): Promise<string> {
    return (await store.get(key))?.body.toString() ?? '';
  }

  /** The manifest with a change, and with the checksum that belongs to it. */
  async function rewrite(change: (document: Record<string, unknown>) => void): Promise<void> {
    const { checksum: _, ...document } = JSON.parse(await textOf());
    change(document);
    const checksum = createHash('sha256').update(JSON.stringify(document)).digest('hex');
    await store.put(key, JSON.stringify({ ...document, checksum }));
  }

  it('are read back as they were written', async () => {
    expect(await readManifest(store, id(1))).toEqual(manifest);
  });

  it('carry a checksum that anybody can compute', async () => {
    const { checksum, ...rest } = JSON.parse(await textOf());
    expect(createHash('sha256').update(JSON.stringify(rest)).digest('hex')).toBe(checksum);
  });

  it('are damaged when any digit of them is another', async () => {
    const text = await textOf();
    const places = [...text.matchAll(/\d/g)].map(({ index }) => index);
    for (const at of places.filter((_, index) => index % 37 === 0)) {
      const digit = (Number(text[at]) + 1) % 10;
      await store.put(key, `${text.slice(0, at)}${digit}${text.slice(at + 1)}`);
      const outcome = await readManifest(store, id(1)).catch((error) => error);
      expect(outcome).toMatchObject({ code: expect.stringMatching(/DamagedBackup|ManifestTooNew/) });
    }
  });

  it('are damaged when they are cut short, empty, not JSON or not a manifest', async () => {
    const text = await textOf();
    for (const other of [text.slice(0, -20), '', '{}', '[]', 'null', '\xff', '{"format":"something"}']) {
      await store.put(key, other);
      await expect(readManifest(store, id(1)), other.slice(0, 20)).rejects.toMatchObject({
        code: 'DamagedBackup',
        exitCode: 4,
      });
    }
  });

  it('of a newer format are refused with the version that is needed', async () => {
    await rewrite((document) => {
      document.version = 7;
      document.tables = 'in a form that nobody knows yet';
    });
    const failure = expect(readManifest(store, id(1))).rejects;
    await failure.toMatchObject({ code: 'ManifestTooNew', exitCode: 2 });
    await failure.toThrow(/version 7.*up to version 2/);
  });

  it('of another backup are damaged, and so are those with a field of another type', async () => {
    await rewrite((document) => {
      document.backupId = id(2);
    });
    await expect(readManifest(store, id(1))).rejects.toMatchObject({ code: 'DamagedBackup' });
    await rewrite((document) => {
      document.backupId = id(1);
      document.tables = [{ schema: 1 }];
    });
    await expect(readManifest(store, id(1))).rejects.toMatchObject({ code: 'DamagedBackup' });
  });

  it('are written once: the time of the first sealing stays, another content is refused', async () => {
    const { checksum: _, ...body } = manifest;
    const again = await writeManifest(store, { ...body, sealedAt: '2030-01-01T00:00:00.000Z' });
    expect(again).toEqual(manifest);
    await expect(writeManifest(store, { ...body, tablesLeftOut: ['a.b'] })).rejects.toMatchObject({
      code: 'BackupSealedDifferently',
    });
  });

  it('make backups: a folder without one is none', async () => {
    const copy = await textOf();
    for (const n of [3, 9, 2]) await store.put(`backups/${id(n)}/database.sql.zst`, 'unsealed');
    for (const n of [4, 12]) await store.put(`backups/${id(n)}/manifest.json`, copy);
    await store.put('backups/notes/manifest.json', copy);
    await store.put('runs/x/manifest.json', copy);
    expect(await listBackups(store)).toEqual([id(12), id(4), id(1)]);
    expect(await latestBackup(store)).toBe(id(12));
  });

  it('that are missing lead to the newest that exist', async () => {
    const copy = await textOf();
    for (let n = 2; n <= 8; n += 1) await store.put(`backups/${id(n)}/manifest.json`, copy);
    for (const unknown of [id(20), 'nonsense', '../../etc', '']) {
      const failure = expect(readManifest(store, unknown), unknown).rejects;
      await failure.toMatchObject({ code: 'BackupUnknown', exitCode: 2 });
      await failure.toThrow(`${id(8)}, ${id(7)}, ${id(6)}, ${id(5)}, ${id(4)}, and 3 older ones`);
    }
  });

  it('that are missing altogether are no backup yet', async () => {
    const { store: empty } = await testStore();
    await empty.put(`backups/${id(1)}/database.sql.zst`, 'unsealed');
    expect(await listBackups(empty)).toEqual([]);
    for (const ask of [latestBackup(empty), readManifest(empty, id(1))])
      await expect(ask).rejects.toMatchObject({ code: 'NoBackupYet', exitCode: 2 });
  });
});
