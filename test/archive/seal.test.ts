import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSection } from '../../functions/archive/chunk-reader.ts';
import { crc32Text } from '../../functions/archive/crc32-combine.ts';
import { decompressFrames, readFrames } from '../../functions/archive/frame-stream.ts';
import { readManifest } from '../../functions/archive/read-manifest.ts';
import { type SealInput, sealBackup } from '../../functions/archive/seal.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { findProgram } from '../../local/servers/find-program.ts';
import { freshFolder } from '../servers/fresh-folder.ts';
import { all, collect } from '../store/bytes.ts';
import { faulty } from '../store/faults.ts';
import { sampleFiles, samplePreData, sampleRun, sampleTables, sampleText } from './sample-backup.ts';
import { type TestStore, testStore } from './test-store.ts';

const zstd = await findProgram('zstd');
const id = (n: number) => `20261123T0543${String(n).padStart(2, '0')}Z-k3f9qa`;

let test: TestStore;
let store: ObjectStore;
beforeAll(async () => {
  test = await testStore();
  store = test.store;
});

async function whole(key: string): Promise<Buffer> {
  const found = await store.get(key);
  if (!found) throw new Error(`${key} is missing`);
  return found.body;
}

describe('sealing', () => {
  it('puts the files together and says in the manifest where everything is', async () => {
    const manifest = await sealBackup(store, await sampleRun(store, id(1)));
    const bytes = await whole(`backups/${id(1)}/database.sql.zst`);
    const text = await collect(decompressFrames(readFrames(one(bytes)), 2));
    expect(text.toString()).toBe(sampleText());
    expect(manifest.files.database).toEqual({ size: bytes.length, crc32: crc32Text(crc32(bytes)) });

    const { etag } = (await store.head(`backups/${id(1)}/database.sql.zst`)) ?? { etag: '' };
    for (const table of manifest.tables) {
      const sample = sampleTables.find(({ schema, name }) => schema === table.schema && name === table.name);
      expect(table.chunks.map(({ pages }) => pages)).toEqual(sample?.chunks.map(({ pages }) => pages));
      for (const [index, chunk] of table.chunks.entries()) {
        const read = await collect(
          readSection(store, `backups/${id(1)}/database.sql.zst`, chunk, { etag }, { what: table.name }),
        );
        expect(read.toString()).toBe(sample?.chunks[index]?.rows.join(''));
        expect(chunk.rows).toBe(sample?.chunks[index]?.rows.length);
      }
      expect(table.rows).toBe(table.chunks.reduce((sum, { rows }) => sum + rows, 0));
    }
    const preData = readSection(
      store,
      `backups/${id(1)}/database.sql.zst`,
      manifest.definitions.preData,
      { etag },
      { what: 'pre-data' },
    );
    expect((await collect(preData)).toString()).toBe(samplePreData);
    expect(await readManifest(store, id(1))).toEqual(manifest);
  });

  it('ends the archive of media once, after its last shard', async () => {
    const manifest = await sealBackup(store, await sampleRun(store, id(2)));
    const bytes = await whole(`backups/${id(2)}/media.tar.zst`);
    expect(manifest.files.media).toEqual({ size: bytes.length, crc32: crc32Text(crc32(bytes)) });
    const tar = await collect(decompressFrames(readFrames(one(bytes)), 2));
    expect(tar.subarray(-1024).every((byte) => byte === 0)).toBe(true);
    expect(tar.subarray(-1536, -1024).every((byte) => byte === 0)).toBe(false);
    const file = join(await freshFolder('tar'), 'media.tar');
    await writeFile(file, tar);
    const listed = execFileSync('tar', ['-tf', file], { encoding: 'utf8' }).trimEnd().split('\n');
    expect(listed).toEqual(Object.keys(sampleFiles));
    expect(manifest.media).toMatchObject({ files: 3, directories: 3, links: 0, bytes: 100_010 });
  });

  it('says why there are no media where there are none', async () => {
    const manifest = await sealBackup(store, await sampleRun(store, id(3), false));
    expect(manifest.media).toBe('no media directory was given');
    expect(manifest.files.media).toBeNull();
    expect(await store.head(`backups/${id(3)}/media.tar.zst`)).toBeUndefined();
  });

  it('may be repeated, at the same time and after the working objects are gone', async () => {
    const input = await sampleRun(store, id(4));
    const both = await Promise.all([sealBackup(store, input), sealBackup(store, input)]);
    expect(both[0]).toEqual(both[1]);
    const keys = await all(store.list(`runs/${id(4)}/`));
    await store.remove(keys.map(({ key }) => key));
    expect(await sealBackup(store, input)).toEqual(both[0]);
    expect(await all(store.list(`runs/${id(4)}/`))).toEqual([]);
  });

  it('never changes a sealed backup', async () => {
    const input = await sampleRun(store, id(5));
    const first = await sealBackup(store, input);
    const other: SealInput = { ...input, facts: { ...input.facts, tablesLeftOut: ['public.another'] } };
    await expect(sealBackup(store, other)).rejects.toMatchObject({ code: 'BackupSealedDifferently' });
    const otherSchema: SealInput = { ...input, schemaSql: Buffer.from('something else') };
    await expect(sealBackup(store, otherSchema)).rejects.toMatchObject({ code: 'BackupSealedDifferently' });
    expect(await readManifest(store, id(5))).toEqual(first);
  });

  it('goes on where it was interrupted, at any request', async () => {
    const input = await sampleRun(store, id(6));
    let sealed = false;
    let runs = 0;
    for (let allowed = 1; !sealed; allowed += 1) {
      const { handler } = faulty((_, count) =>
        count > allowed ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : undefined,
      );
      runs += 1;
      const outcome = await sealBackup(test.again({ requestHandler: handler }), input).catch(
        (error) => error.code,
      );
      sealed = outcome !== 'StoreAccessDenied';
      const manifest = await store.head(`backups/${id(6)}/manifest.json`);
      if (!sealed && manifest) await readManifest(store, id(6));
    }
    expect(runs).toBeGreaterThan(5);
    const bytes = await whole(`backups/${id(6)}/database.sql.zst`);
    expect((await collect(decompressFrames(readFrames(one(bytes)), 2))).toString()).toBe(sampleText());
    expect((await readManifest(store, id(6))).files.database.size).toBe(bytes.length);
  });

  it('writes nothing for a backup that is not complete', async () => {
    const input = await sampleRun(store, id(7));
    const missing = { ...input, rows: input.rows.slice(1) };
    const failure = expect(sealBackup(store, missing)).rejects;
    await failure.toMatchObject({ code: 'BackupIncomplete', exitCode: 1 });
    await failure.toThrow('shard 1');
    expect(await all(store.list(`backups/${id(7)}/`))).toEqual([]);
  });

  it('fails when a working object was replaced', async () => {
    const input = await sampleRun(store, id(8));
    const key = input.rows[0]?.object ?? '';
    await store.put(key, Buffer.alloc(input.rows[0]?.size ?? 0));
    await expect(sealBackup(store, input)).rejects.toMatchObject({ code: 'ObjectChanged' });
    expect(await store.head(`backups/${id(8)}/manifest.json`)).toBeUndefined();
  });
});

if (zstd !== undefined) {
  describe('a sealed file', () => {
    it('is read by zstd', async () => {
      await sealBackup(store, await sampleRun(store, id(9)));
      const bytes = await whole(`backups/${id(9)}/database.sql.zst`);
      expect(execFileSync(zstd, ['-dc'], { input: bytes, encoding: 'utf8' })).toBe(sampleText());
    });
  });
} else {
  it('zstd is not on the PATH, so it was not tried whether it reads a sealed file', async () => {
    expect(await findProgram('zstd')).toBeUndefined();
  });
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
