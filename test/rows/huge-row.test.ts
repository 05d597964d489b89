import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSection } from '../../functions/archive/chunk-reader.ts';
import { openWorkingObject } from '../../functions/archive/working-object.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { takeWholeRows } from '../../functions/rows/whole-rows.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { testStore } from '../archive/test-store.ts';
import { freshDatabase } from '../servers/fresh-database.ts';

const megabyte = 1_000_000;

/** The most that buffers have of memory while something runs, in bytes, beyond what they had before. */
async function peakOfBuffers(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().arrayBuffers;
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
  };
  const looking = setInterval(look, 5);
  try {
    await work();
    look();
  } finally {
    clearInterval(looking);
  }
  return peak;
}

describe('a row of 100 MB', () => {
  let fresh: Awaited<ReturnType<typeof freshDatabase>>;
  let session: Session;
  let store: ObjectStore;
  beforeAll(async () => {
    fresh = await freshDatabase();
    session = await (await openDatabase(fresh.url)).connect({ applicationName: 'huge row' });
    store = (await testStore()).store;
    // Doubled from what doesn't repeat within a window, so that it neither shrinks to nothing nor takes long to make
    await session.execute(`
      CREATE TABLE huge (id int, body text STORAGE EXTERNAL);
      CREATE TABLE restored (LIKE huge INCLUDING STORAGE);
      INSERT INTO huge VALUES (1, 'small');
      INSERT INTO huge SELECT 2, repeat(string_agg(md5(n::text), ''), 16) FROM generate_series(1, 200000) n;
      INSERT INTO huge VALUES (3, 'small')`);
  });
  afterAll(async () => {
    await session.end();
    await fresh.drop();
  });

  it('is backed up and restored with memory for a few copies of it', { timeout: 120_000 }, async () => {
    const object = openWorkingObject(store, 'huge');
    object.beginChunk();
    const out = await peakOfBuffers(async () => {
      const rows = session.copyOut('COPY (SELECT * FROM huge ORDER BY id) TO STDOUT', { lent: true });
      await takeWholeRows(rows, (bytes, count) => object.append(bytes, count));
    });
    const chunk = await object.endChunk();
    const { etag } = await object.finish();
    expect(chunk).toMatchObject({ rows: 3 });
    expect(chunk.rawBytes).toBeGreaterThan(102 * megabyte);
    // The row, and its frame in pieces and as a whole
    expect(out).toBeLessThan(2.6 * chunk.rawBytes);

    const back = await peakOfBuffers(async () => {
      const rows = readSection(store, 'huge', chunk, { etag }, { what: 'huge', lent: true });
      expect(await session.copyIn('COPY restored FROM STDIN', rows)).toBe(3);
    });
    // The frame's slices, the frame, its content
    expect(back).toBeLessThan(3.6 * chunk.rawBytes);
    const same = 'SELECT id, md5(body) AS digest FROM';
    expect(await session.query(`${same} restored ORDER BY id`)).toEqual(
      await session.query(`${same} huge ORDER BY id`),
    );
  });
});
