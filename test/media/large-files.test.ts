import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { exportBackup } from '../../functions/archive/export-files.ts';
import { decompressFrames, readFrames } from '../../functions/archive/frame-stream.ts';
import type { Manifest } from '../../functions/archive/manifest.ts';
import { parseManifest, readManifest } from '../../functions/archive/read-manifest.ts';
import { verifyBackup } from '../../functions/archive/verify.ts';
import { writeManifest } from '../../functions/archive/write-manifest.ts';
import { finishDirectories } from '../../functions/media/attributes.ts';
import { createBuild } from '../../functions/media/build.ts';
import { countTree } from '../../functions/media/count-tree.ts';
import { extractShard } from '../../functions/media/extract.ts';
import { silence } from '../../functions/run/progress.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { testStore } from '../archive/test-store.ts';
import { collect } from '../store/bytes.ts';
import { allChunks, archiveOne, extractMedia, runId, sealMedia } from './sealed-media.ts';
import { archiveAll, describeTree, endOfArchive, inPieces, makeOddTree, quiet } from './trees.ts';

let scratch = '';
let store: ObjectStore;
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'media-large-'));
  store = (await testStore()).store;
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

const fresh = (name: string) => {
  const folder = mkdtempSync(join(scratch, `${name}-`));
  return folder;
};

/** The archive of a sealed backup, decompressed, as a file. */
async function tarFile(manifest: Manifest): Promise<string> {
  const found = await store.get(`backups/${manifest.backupId}/media.tar.zst`);
  const path = join(fresh('tar'), 'media.tar');
  writeFileSync(
    path,
    await collect(decompressFrames(readFrames(inPieces(found?.body ?? Buffer.alloc(0))), 2)),
  );
  return path;
}

function mediaOf(manifest: Manifest) {
  if (typeof manifest.media === 'string') throw new Error(manifest.media);
  return manifest.media;
}

/** Without the modes and times that Python doesn't set: those of links, and those that its filter takes away. */
function contents(root: string): string[] {
  return describeTree(root).map((line) =>
    line.replace(/ (file|directory) \d+ -?\d+/, ' $1').replace(/ link \d+/, ' link'),
  );
}

describe('files larger than a shard', () => {
  it('come out as they went in, whatever is cut where, in whatever order and however often', async () => {
    const nothing = { files: 0, directories: 0, links: 0, bytes: 0 };
    const size = fc.oneof(fc.constantFrom(0, 1, 511, 512, 513, 1024), fc.integer({ min: 0, max: 4000 }));
    const tree = fc.dictionary(
      fc.constantFrom('a', 'b.bin', 'c', 'd/e', 'd/f', 'd/g/h', `long-${'n'.repeat(120)}`, 'z'),
      fc.record({ size, byte: fc.nat(255), mode: fc.constantFrom(0o644, 0o600, 0o444, 0o755) }),
      { maxKeys: 6 },
    );
    await fc.assert(
      fc.asyncProperty(
        tree,
        fc.integer({ min: 1, max: 1500 }),
        fc.infiniteStream(fc.nat()),
        async (files, cut, random) => {
          const source = fresh('source');
          for (const [name, { size, byte, mode }] of Object.entries(files)) {
            mkdirSync(join(source, name, '..'), { recursive: true });
            writeFileSync(join(source, name), Buffer.alloc(size, Buffer.from([byte, 1, 2, 3, 5, 7, 11])));
            chmodSync(join(source, name), mode);
            utimesSync(join(source, name), 1_600_000_000.125, 1_600_000_000 + byte / 8);
          }
          // The system sets times as seconds with a fraction, which may round the last microsecond away
          for (const folder of ['d/g', 'd'])
            if (existsSync(join(source, folder)))
              utimesSync(join(source, folder), 1_600_000_100, 1_600_000_100);
          const { plan, shards } = await archiveAll(source, { shardBytes: cut + 50, shardMembers: 3 });
          const order = shards.flatMap((shard, index) => [
            { ...shard, index },
            { ...shard, index },
          ]);
          const build = await createBuild(fresh('target'), runId);
          const shuffled = order.map((each) => ({ ...each, key: random.next().value }));
          await Promise.all(
            shuffled
              .sort((one, other) => one.key - other.key)
              .map(async ({ bytes, index, result: { part, seen: _seen, notes, ...archived } }) => {
                expect(notes).toEqual([]);
                const extracted = await extractShard(inPieces(bytes, 333), build, index, { ...quiet, part });
                expect(extracted).toEqual({ ...archived, leftOut: nothing });
              }),
          );
          const { files: count, directories, links, bytes } = plan;
          expect(await countTree(build)).toEqual({ files: count, directories, links, bytes });
          await finishDirectories(build);
          expect(describeTree(build.tree.toString())).toEqual(describeTree(source));

          const archive = Buffer.concat([...shards.map((shard) => shard.bytes), endOfArchive]);
          const unpacked = fresh('unpacked');
          execFileSync('tar', ['-xpf', '-', '-C', unpacked], { input: archive });
          expect(describeTree(unpacked)).toEqual(describeTree(source));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are in an ordinary archive for GNU tar and Python, in the export too, and verify finds nothing wrong', async () => {
    const source = makeOddTree(join(scratch, 'source'));
    const manifest = await sealMedia(store, source, { shardBytes: 64 * 1024 });
    expect(mediaOf(manifest).chunks.filter(({ part }) => part).length).toBeGreaterThan(40);
    expect(manifest.version).toBe(2);
    expect(await readManifest(store, runId)).toEqual(manifest);
    expect(await verifyBackup(store, runId, silence)).toMatchObject({ ok: true, problems: [] });

    const chunks = allChunks(manifest);
    const build = await extractMedia(store, manifest, fresh('target'), [...chunks.toReversed(), ...chunks]);
    await finishDirectories(build);
    expect(describeTree(build.tree.toString())).toEqual(describeTree(source));

    const archive = await tarFile(manifest);
    const exported = fresh('export');
    await exportBackup(store, manifest, exported, { progress: silence });
    const [gnu, python, gzip] = [fresh('gnu'), fresh('python'), fresh('gzip')];
    execFileSync('tar', ['-xpf', archive, '-C', gnu], { stdio: ['ignore', 'ignore', 'ignore'] });
    execFileSync('tar', ['-xpzf', join(exported, 'nautobot_media.tar.gz'), '-C', gzip], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    execFileSync('python3', [
      '-c',
      'import sys, tarfile\nwith tarfile.open(sys.argv[1], errors="surrogateescape", encoding="utf-8") as t:\n  t.extractall(sys.argv[2])',
      archive,
      python,
    ]);
    expect(describeTree(gnu)).toEqual(describeTree(source));
    expect(describeTree(gzip)).toEqual(describeTree(source));
    expect(contents(python)).toEqual(contents(source));
  });

  it('need nothing new of a reader where there are none: the manifest is of version 1', async () => {
    const manifest = await sealMedia(store, makeOddTree(join(scratch, 'source')), {});
    expect(manifest.version).toBe(1);
    expect(mediaOf(manifest).chunks.map((chunk) => Object.keys(chunk).sort())).toEqual([
      ['frames', 'length', 'members', 'offset', 'rawBytes', 'sha256'],
    ]);
  });

  it('are of the first attempt to finish: a late one changes nothing', async () => {
    const source = fresh('source');
    writeFileSync(join(source, 'large'), Buffer.alloc(5000, 'a'));
    const manifest = await sealMedia(store, source, { shardBytes: 1024 });
    writeFileSync(join(source, 'large'), Buffer.alloc(5000, 'b'));
    await archiveOne(store, source, 3);
    const build = await extractMedia(store, manifest, fresh('target'));
    expect(readFileSync(join(build.tree.toString(), 'large'), 'utf8')).toBe('a'.repeat(5000));
  });
});

describe('a file that changes between its parts', () => {
  const size = 5000;
  const large = (source: string) => join(source, 'large');
  const changes: [string, (source: string) => void][] = [
    ['grows', (source) => appendFileSync(large(source), 'more')],
    ['shrinks', (source) => truncateSync(large(source), 1500)],
    ['is emptied', (source) => truncateSync(large(source), 0)],
    ['is touched', (source) => utimesSync(large(source), 1, 1)],
    ['is rewritten in place', (source) => writeFileSync(large(source), Buffer.alloc(size, 'b'))],
    [
      'is replaced by another of the same size and time',
      (source) => {
        writeFileSync(join(source, 'new'), Buffer.alloc(size, 'b'), { mode: 0o640 });
        utimesSync(join(source, 'new'), 1_600_000_000, 1_600_000_000);
        renameSync(join(source, 'new'), large(source));
      },
    ],
    ['is removed', (source) => rmSync(large(source))],
    [
      'is replaced by a link',
      (source) => {
        rmSync(large(source));
        symlinkSync('/etc/passwd', large(source));
      },
    ],
    [
      'is replaced by a folder',
      (source) => {
        rmSync(large(source));
        mkdirSync(large(source));
      },
    ],
  ];
  const orders: [string, (shards: number[]) => number[]][] = [
    ['first part first', (shards) => shards],
    ['last part first', (shards) => shards.toReversed()],
  ];

  function makeSource(): string {
    const source = fresh('source');
    writeFileSync(large(source), Buffer.alloc(size, 'a'), { mode: 0o640 });
    utimesSync(large(source), 1_600_000_000, 1_600_000_000);
    writeFileSync(join(source, 'z'), 'after it');
    return source;
  }

  it.each(changes.flatMap(([how, change]) => orders.map(([order, by]) => [how, order, change, by] as const)))(
    'and %s (%s) is named, and the archive is whole and as long as planned',
    async (_how, _order, change, order) => {
      const source = makeSource();
      const manifest = await sealMedia(store, source, {
        shardBytes: 1024,
        order,
        before: (place) => {
          if (place === 3) change(source);
        },
      });
      const media = mediaOf(manifest);
      expect(media.notes.map(({ path }) => path)).toEqual(['large']);
      expect(media).toMatchObject({ files: 2, directories: 1, bytes: size + 8 });
      expect(await verifyBackup(store, runId, silence)).toMatchObject({ problems: [] });
      const listed = execFileSync('tar', ['-tvf', await tarFile(manifest)], { encoding: 'utf8' });
      expect(listed).toMatch(/^-rw-r----- .* 5000 .* large\n-.* 8 .* z\n$/m);
      const build = await extractMedia(store, manifest, fresh('target'));
      expect(await countTree(build)).toMatchObject({ files: 2, bytes: size + 8 });
      const content = readFileSync(join(build.tree.toString(), 'large'), 'latin1');
      expect(content).toMatch(/^[ab\0]{5000}$/);
      expect(content).toContain('aaaa');
    },
  );

  it.each([
    ['removed', () => {}],
    ['replaced', (path: string) => symlinkSync('z', path)],
  ])('is left out and named when all parts find it %s', async (how, instead) => {
    const source = makeSource();
    const manifest = await sealMedia(store, source, {
      shardBytes: 1024,
      before: (place) => {
        if (place !== 0) return;
        rmSync(large(source));
        instead(large(source));
      },
    });
    const media = mediaOf(manifest);
    expect(media.notes).toEqual([{ path: 'large', note: expect.stringContaining(`was ${how}`) }]);
    expect(media).toMatchObject({ files: 1, directories: 1, bytes: 8 });
    expect(media.chunks.every(({ part }) => part === undefined)).toBe(true);
    expect(await verifyBackup(store, runId, silence)).toMatchObject({ problems: [] });
    const listed = execFileSync('tar', ['-tf', await tarFile(manifest)], { encoding: 'utf8' });
    expect(listed).toBe('./\nz\n');
  });

  it('and has grown before any part is read is named, because its end is missing', async () => {
    const source = makeSource();
    const manifest = await sealMedia(store, source, {
      shardBytes: 1024,
      before: (place) => {
        if (place === 0) appendFileSync(large(source), 'more');
      },
    });
    expect(mediaOf(manifest).notes).toEqual([{ path: 'large', note: expect.stringContaining('changed') }]);
  });
});

describe('a manifest with parts', () => {
  async function sealed(): Promise<Manifest> {
    const source = fresh('source');
    writeFileSync(join(source, 'large'), Buffer.alloc(5000, 'a'));
    writeFileSync(join(source, 'other'), Buffer.alloc(5000, 'b'));
    return sealMedia(store, source, { shardBytes: 1024 });
  }

  const lies: [string, (chunks: ReturnType<typeof mediaOf>['chunks']) => void][] = [
    ['misses a part', (chunks) => chunks.splice(2, 1)],
    ['misses the last part of all', (chunks) => chunks.pop()],
    ['has a part twice', (chunks) => chunks.splice(2, 0, ...chunks.slice(2, 3))],
    ['mixes two files', (chunks) => chunks.splice(3, 1, ...chunks.slice(8, 9))],
    ['begins in the middle of a file', (chunks) => chunks.splice(1, 1)],
    ['counts a file in two parts', (chunks) => Object.assign(chunks[2] ?? {}, { members: 1 })],
    ['goes beyond the file', (chunks) => Object.assign(chunks[5]?.part ?? {}, { bytes: 5000 })],
  ];
  it.each(lies)('is refused when it %s', async (_, lie) => {
    const { checksum: _checksum, ...body } = structuredClone(await sealed());
    if (typeof body.media !== 'string') lie(body.media.chunks);
    await store.remove([`backups/${runId}/manifest.json`]);
    await expect(writeManifest(store, body).then(() => readManifest(store, runId))).rejects.toThrow();
  });

  it('whose sizes are not those of the archive is damaged for verify, and cannot be extracted', async () => {
    const { checksum: _, ...body } = structuredClone(await sealed());
    for (const { part } of mediaOf(body as Manifest).chunks) {
      if (part?.path !== 'large') continue;
      if (part.offset + part.bytes === part.size) part.bytes += 1;
      part.size += 1;
    }
    await store.remove([`backups/${runId}/manifest.json`]);
    const lying = await writeManifest(store, body);
    const { problems } = await verifyBackup(store, runId, silence);
    expect(problems.map(({ file }) => file)).toContain('media.tar.zst');
    await expect(extractMedia(store, lying, fresh('target'))).rejects.toMatchObject({ exitCode: 4 });
  });

  it('of a version to come is refused as too new', () => {
    const newer = Buffer.from('{"format":"nautobot-replicator-backup","version":3,"checksum":"x"}');
    expect(() => parseManifest(newer, 'manifest')).toThrow(/version 3.*up to version 2/);
  });
});
