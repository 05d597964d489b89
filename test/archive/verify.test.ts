import { beforeEach, describe, expect, it } from 'vitest';
import { compressBlock } from '../../functions/archive/frame.ts';
import type { Manifest } from '../../functions/archive/manifest.ts';
import { sealBackup } from '../../functions/archive/seal.ts';
import { type VerifyReport, verifyBackup } from '../../functions/archive/verify.ts';
import { writeManifest } from '../../functions/archive/write-manifest.ts';
import { silence } from '../../functions/run/progress.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { faulty } from '../store/faults.ts';
import { sampleRun, sampleTables } from './sample-backup.ts';
import { type TestStore, testStore } from './test-store.ts';

const id = '20261123T054300Z-k3f9qa';
const database = `backups/${id}/database.sql.zst`;
const media = `backups/${id}/media.tar.zst`;

describe('verifying a backup', () => {
  let test: TestStore;
  let store: ObjectStore;
  let manifest: Manifest;
  beforeEach(async () => {
    test = await testStore();
    store = test.store;
    manifest = await sealBackup(store, await sampleRun(store, id));
  });

  const verify = (): Promise<VerifyReport> => verifyBackup(store, id, silence);

  async function change(key: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
    const found = await store.get(key);
    if (!found) throw new Error(`${key} is missing`);
    await store.put(key, edit(Buffer.from(found.body)));
  }

  /** Seals the same files with another manifest, as if a worker or sealing had lied. */
  async function remanifest(edit: (manifest: Manifest) => void): Promise<void> {
    const other = structuredClone(manifest);
    edit(other);
    await store.remove([`backups/${id}/manifest.json`]);
    const { checksum: _, ...body } = other;
    await writeManifest(store, body);
  }

  function tableOf(of: Manifest, name: string) {
    const table = of.tables.find((each) => each.name === name);
    if (!table) throw new Error(`no table ${name}`);
    return table;
  }

  it('finds nothing wrong with one that is whole, and counts what it reads', async () => {
    const done = { bytes: 0, rows: 0 };
    const expected = { bytes: 0, rows: 0 };
    const report = await verifyBackup(store, id, {
      advance: ({ bytes = 0, rows = 0 }) => {
        done.bytes += bytes;
        done.rows += rows;
      },
      expect: (total) => Object.assign(expected, total),
      measure() {},
      warn: () => expect.unreachable(),
    });
    expect(report).toEqual({
      backupId: id,
      ok: true,
      problems: [],
      files: [
        { file: 'database.sql.zst', size: manifest.files.database.size, ok: true },
        { file: 'schema.sql', size: manifest.files.schema.size, ok: true },
        { file: 'media.tar.zst', size: manifest.files.media?.size, ok: true },
      ],
    });
    expect(done).toEqual(expected);
    expect(done.rows).toBe(sampleTables.flatMap(({ chunks }) => chunks.flatMap(({ rows }) => rows)).length);
  });

  it.each([database, media])('notices any bit that has changed in %s', async (key) => {
    const size = (await store.head(key))?.size ?? 0;
    const step = Math.ceil(size / 60);
    for (let at = 0; at < size; at += step) {
      await change(key, (bytes) => {
        bytes[at] = (bytes[at] ?? 0) ^ 0x40;
        return bytes;
      });
      const report = await verify();
      expect(report.ok, `byte ${at}`).toBe(false);
      expect(report.problems.every(({ file }) => key.endsWith(file))).toBe(true);
      expect(
        report.problems.some(({ where }) => where !== 'the whole file'),
        `byte ${at} has no place`,
      ).toBe(true);
      await change(key, (bytes) => {
        bytes[at] = (bytes[at] ?? 0) ^ 0x40;
        return bytes;
      });
    }
    expect((await verify()).ok).toBe(true);
  });

  it('names the table and the bytes, and goes on to find the rest', async () => {
    const first = tableOf(manifest, 'big').chunks[0];
    const last = tableOf(manifest, 'last').chunks[0];
    await change(database, (bytes) => {
      for (const chunk of [first, last]) {
        const at = (chunk?.offset ?? 0) + (chunk?.length ?? 0) - 1;
        bytes[at] = (bytes[at] ?? 0) ^ 1;
      }
      return bytes;
    });
    await store.put(`backups/${id}/schema.sql`, 'changed');
    const { problems } = await verify();
    const places = problems.map(({ where }) => where);
    expect(places).toContain(
      `public.big, chunk 1 (bytes ${first?.offset} to ${(first?.offset ?? 0) + (first?.length ?? 0)})`,
    );
    expect(places.some((where) => where.startsWith('public.last, chunk 1'))).toBe(true);
    expect(problems.some(({ file }) => file === 'schema.sql')).toBe(true);
    expect(problems.some(({ where }) => where.startsWith('post-data'))).toBe(false);
  });

  it.each([database, media, `backups/${id}/schema.sql`])('notices that %s is missing', async (key) => {
    await store.remove([key]);
    expect((await verify()).problems).toMatchObject([{ where: 'the whole file', what: 'it is missing' }]);
  });

  it.each([1, 100, 5000])('notices that %i bytes are missing from the end', async (count) => {
    await change(database, (bytes) => bytes.subarray(0, bytes.length - count));
    const { problems } = await verify();
    expect(problems.some(({ what }) => what.includes('bytes, the manifest says'))).toBe(true);
    expect(problems.some(({ where }) => where.startsWith('post-data'))).toBe(true);
  });

  it('notices what was added at the end', async () => {
    const more = await compressBlock(Buffer.from('DROP TABLE x;\n'));
    await change(database, (bytes) => Buffer.concat([bytes, more]));
    expect((await verify()).ok).toBe(false);
  });

  it('notices a manifest that says another number of rows, frames, bytes or members', async () => {
    await remanifest((other) => {
      const chunk = tableOf(other, 'big').chunks[0];
      if (chunk) chunk.rows += 1;
      other.definitions.preData.rawBytes += 1;
      other.definitions.postData.frames += 1;
      const [members] = typeof other.media === 'string' ? [] : other.media.chunks;
      if (members) members.members += 1;
    });
    const { problems } = await verify();
    expect(problems.map(({ what }) => what)).toEqual([
      expect.stringContaining('bytes, the manifest says'),
      expect.stringContaining('rows, the manifest says'),
      expect.stringContaining('frames, the manifest says'),
      expect.stringContaining('members of an archive, the manifest says'),
    ]);
  });

  it('notices a COPY line of another table or with other columns', async () => {
    await remanifest((other) => {
      tableOf(other, 'big').columns.reverse();
    });
    const { problems } = await verify();
    expect(problems).toHaveLength(1);
    expect(problems[0]?.where).toContain('COPY of public.big');
  });

  it('wants the COPY line of a table that must be loaded through another to name that one', async () => {
    await remanifest((other) => {
      tableOf(other, 'big').loadThrough = { schema: 'public', name: 'root' };
    });
    expect((await verify()).problems).toHaveLength(1);
  });

  it('notices a manifest whose sections overlap or leave bytes out', async () => {
    await remanifest((other) => {
      const chunk = tableOf(other, 'big').chunks[2];
      if (chunk) chunk.offset -= 10;
    });
    expect((await verify()).ok).toBe(false);
    await remanifest((other) => {
      other.tables = other.tables.filter(({ name }) => name !== 'last');
    });
    const { problems } = await verify();
    expect(
      problems.some(
        ({ where, what }) => where.includes('bytes that belong') || what.includes('text that belongs'),
      ),
    ).toBe(true);
  });

  it('reports a file that is replaced while it is read, and does not report a store that is away', async () => {
    const replaced = faulty(({ method, path, headers }) =>
      method === 'GET' && path.endsWith('.sql.zst') && headers.range
        ? { kind: 'refuse', status: 412, code: 'PreconditionFailed' }
        : undefined,
    );
    const report = await verifyBackup(test.again({ requestHandler: replaced.handler }), id, silence);
    expect(report.problems).toMatchObject([
      { file: 'database.sql.zst', what: expect.stringContaining('replaced') },
    ]);
    const away = faulty(({ path }) =>
      path.endsWith('.sql.zst') ? { kind: 'refuse', status: 403, code: 'AccessDenied' } : undefined,
    );
    const refused = verifyBackup(test.again({ requestHandler: away.handler }), id, silence);
    await expect(refused).rejects.toMatchObject({ code: 'StoreAccessDenied' });
  });

  it('reads through a network that breaks off and notices one that flips bits', async () => {
    const big = (path: string) => path.endsWith('.sql.zst');
    let cuts = 0;
    const cutting = faulty(({ method, path }) =>
      method === 'GET' && big(path) && cuts++ < 3 ? { kind: 'cut', after: 500 } : undefined,
    );
    expect((await verifyBackup(test.again({ requestHandler: cutting.handler }), id, silence)).ok).toBe(true);
    expect(cuts).toBe(4);
    const flipping = faulty(({ method, path }) =>
      method === 'GET' && big(path) ? { kind: 'flip', at: 1000 } : undefined,
    );
    expect((await verifyBackup(test.again({ requestHandler: flipping.handler }), id, silence)).ok).toBe(
      false,
    );
  });

  it('ends with the reason when it is aborted', async () => {
    await expect(verifyBackup(store, id, silence, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
      'enough',
    );
  });
});
