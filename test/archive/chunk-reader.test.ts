import { beforeAll, describe, expect, it } from 'vitest';
import { readSection } from '../../functions/archive/chunk-reader.ts';
import type { Section } from '../../functions/archive/manifest.ts';
import { openWorkingObject } from '../../functions/archive/working-object.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { collect, noise } from '../store/bytes.ts';
import { testStore } from './test-store.ts';

const raw = Buffer.concat([Buffer.alloc(300_000, 'row\n'), noise(200_000)]);

describe('a section', () => {
  let store: ObjectStore;
  let section: Section;
  let etag: string;
  beforeAll(async () => {
    store = (await testStore()).store;
    const object = openWorkingObject(store, 'object', { blockBytes: 50_000 });
    await object.write('before');
    object.beginChunk();
    for (let at = 0; at < raw.length; at += 10_000) await object.append(raw.subarray(at, at + 10_000), 1);
    section = await object.endChunk();
    await object.write('after');
    etag = (await object.finish()).etag;
  });

  const read = (of: Section, pin = etag) =>
    collect(readSection(store, 'object', of, { etag: pin }, { what: 'public.t' }));

  it('is read as it was written', async () => {
    expect((await read(section)).equals(raw)).toBe(true);
  });

  it.each<[string, (section: Section) => Section]>([
    ['another SHA-256', (of) => ({ ...of, sha256: '0'.repeat(64) })],
    ['another number of frames', (of) => ({ ...of, frames: of.frames + 1 })],
    ['another length of its content', (of) => ({ ...of, rawBytes: of.rawBytes - 1 })],
    ['a byte less', (of) => ({ ...of, length: of.length - 1 })],
    ['a byte more', (of) => ({ ...of, length: of.length + 1 })],
    ['another beginning', (of) => ({ ...of, offset: of.offset - 1 })],
    ['no bytes, where it has content', (of) => ({ ...of, length: 0 })],
  ])('with %s is damaged, and the message names the file and the table', async (_, change) => {
    const failure = expect(read(change(section))).rejects;
    await failure.toMatchObject({ code: 'DamagedBackup', exitCode: 4 });
    await failure.toThrow(/object, bytes \d+ to \d+ \(public\.t\)/);
  });

  it('of an object that was replaced is not read', async () => {
    await expect(read(section, '"another"')).rejects.toMatchObject({ code: 'ObjectChanged' });
  });

  it('gives what it has verified of frames before it fails, and never ends well', async () => {
    const blocks: Buffer[] = [];
    const reading = async () => {
      const wrong = { ...section, sha256: '0'.repeat(64) };
      for await (const block of readSection(store, 'object', wrong, { etag }, { what: 't' }))
        blocks.push(block);
    };
    await expect(reading()).rejects.toMatchObject({ code: 'DamagedBackup' });
    expect(Buffer.concat(blocks).equals(raw)).toBe(true);
  });
});
