import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FilePart } from '../../functions/media/archive-part.ts';
import { type Build, createBuild } from '../../functions/media/build.ts';
import { countTree } from '../../functions/media/count-tree.ts';
import { MediaDamaged, MediaUnsafe } from '../../functions/media/errors.ts';
import { type ExtractOptions, extractShard } from '../../functions/media/extract.ts';
import { extractPart } from '../../functions/media/extract-part.ts';
import { PartFile } from '../../functions/media/part-file.ts';
import { tarHeader, tarPadding } from '../../functions/media/tar-header.ts';
import { RunId } from '../../functions/run/run-id.ts';
import { inPieces, quiet } from './trees.ts';

const runId = RunId.parse('20261123T054300Z-k3f9qa');
const asRoot = process.getuid?.() === 0;
let scratch = '';
let build: Build;
let named = '';
beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'media-part-'));
  mkdirSync(join(scratch, 'media'));
  build = await createBuild(join(scratch, 'media'), runId);
  named = join(build.tree.toString(), 'folder/file');
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

const size = 3000;
const content = Buffer.from(Array.from({ length: size }, (_, index) => index % 251));
const offsets = [0, 1000, 2000];

function partAt(offset: number, path = 'folder/file'): FilePart {
  return { path, offset, bytes: 1000, size };
}

/** What lies in the archive of a part. */
function bytesOf({ offset, bytes, path }: FilePart, mode = 0o2755): Buffer {
  const header = {
    path: Buffer.from(path),
    kind: 'file',
    mode,
    uid: 0,
    gid: 0,
    size,
    mtime: 1_600_000_000_125_000_000n,
  } as const;
  return Buffer.concat([
    offset === 0 ? tarHeader(header) : Buffer.alloc(0),
    content.subarray(offset, offset + bytes),
    offset + bytes === size ? tarPadding(size) : Buffer.alloc(0),
  ]);
}

const extract = (offset: number, options: ExtractOptions = quiet, pieces = 700) =>
  extractShard(inPieces(bytesOf(partAt(offset)), pieces), build, offset, {
    ...options,
    part: partAt(offset),
  });

function expectWhole(): void {
  expect(readFileSync(named).equals(content)).toBe(true);
  const facts = statSync(named);
  expect(facts.mode & 0o7777).toBe(0o2755);
  expect(facts.mtimeMs).toBe(1_600_000_000_125);
}

const orders = [
  [0, 1000, 2000],
  [2000, 1000, 0],
  [1000, 0, 2000],
  [0, 2000, 1000],
];

describe('a file in parts', () => {
  it.each(orders)(
    'comes into the tree with its last part, with mode and time: %i, %i, %i',
    async (...order) => {
      if (asRoot) execFileSync('chown', ['12345:23456', build.media.toString()]);
      for (const offset of order) {
        expect(existsSync(named)).toBe(false);
        expect(await extract(offset)).toEqual({
          files: offset === 0 ? 1 : 0,
          directories: 0,
          links: 0,
          bytes: 1000,
          members: offset === 0 ? 1 : 0,
          leftOut: { files: 0, directories: 0, links: 0, bytes: 0 },
        });
      }
      expectWhole();
      if (asRoot) expect(statSync(named)).toMatchObject({ uid: 12345, gid: 23456 });
    },
  );

  it('is whole after parts were extracted several times at once, in pieces of any size', async () => {
    const attempts = [...offsets, ...offsets, ...offsets].map((offset, index) =>
      extract(offset, quiet, 1 + index * 97),
    );
    await Promise.all(attempts);
    expectWhole();
    for (const offset of offsets) await extract(offset);
    expectWhole();
  });

  it('is missed by the count while a part is missing', async () => {
    await extract(0);
    await extract(2000);
    expect(await countTree(build)).toMatchObject({ files: 0, bytes: 0 });
    await extract(1000);
    expect(await countTree(build)).toMatchObject({ files: 1, bytes: size });
  });

  it('is not whole where a part broke off, until that part is repeated', async () => {
    await extract(0);
    await extract(2000);
    async function* breaking() {
      yield bytesOf(partAt(1000)).subarray(0, 999);
      throw new Error('connection reset');
    }
    const options = { ...quiet, part: partAt(1000) };
    await expect(extractShard(breaking(), build, 2, options)).rejects.toThrow('connection reset');
    expect(existsSync(named)).toBe(false);
    await extract(1000);
    expectWhole();
  });

  it('stops with the reason of the signal', async () => {
    const controller = new AbortController();
    async function* slowly() {
      yield bytesOf(partAt(1000)).subarray(0, 500);
      controller.abort(new Error('Ctrl-C'));
      yield bytesOf(partAt(1000)).subarray(500);
    }
    const options = { ...quiet, signal: controller.signal, part: partAt(1000) };
    await expect(extractShard(slowly(), build, 2, options)).rejects.toThrow('Ctrl-C');
  });

  it('is finished by the next attempt where the last worker died before it', async () => {
    await extract(0);
    await extract(1000);
    const file = await PartFile.prepare(build, partAt(2000));
    const handle = await file.open();
    await handle?.write(content, 2000, 1000, 2000);
    await handle?.close();
    await file.mark(undefined);
    expect(existsSync(named)).toBe(false);
    await extract(2000);
    expectWhole();
  });

  it('keeps its time and mode when a late attempt writes the same bytes once more', async () => {
    const late = await PartFile.prepare(build, partAt(1000));
    const handle = await late.open();
    for (const offset of offsets) await extract(offset);
    expectWhole();
    await handle?.write(content, 1000, 1000, 1000);
    await handle?.close();
    expect(statSync(named).mtimeMs).not.toBe(1_600_000_000_125);
    await late.mark(undefined);
    await late.finishIfWhole();
    expectWhole();
  });

  it('comes into the tree on a file system without links too, and a late attempt does not replace it', async () => {
    const calls = {
      link: () => Promise.reject(Object.assign(new Error('no links here'), { code: 'ENOTSUP' })),
    };
    const late = await PartFile.prepare(build, partAt(1000), calls);
    mkdirSync(join(build.tree.toString(), 'folder'));
    for (const offset of offsets) {
      const part = partAt(offset);
      const file = await PartFile.prepare(build, part, calls);
      await extractPart(inPieces(bytesOf(part)), file, part, quiet);
    }
    expectWhole();
    expect(await late.open()).toBeUndefined();
    await late.finishIfWhole();
    expectWhole();
  });
});

describe('a part that is not what it should be', () => {
  const damaged: [string, Buffer, FilePart][] = [
    ['is too short', bytesOf(partAt(1000)).subarray(0, 999), partAt(1000)],
    ['is too long', Buffer.concat([bytesOf(partAt(1000)), Buffer.alloc(1)]), partAt(1000)],
    ['lacks its padding', bytesOf(partAt(2000)).subarray(0, 1000), partAt(2000)],
    ['has something in its padding', Buffer.from(bytesOf(partAt(2000))).fill(1, 1000), partAt(2000)],
    ['has the header of another file', bytesOf(partAt(0, 'other')), partAt(0)],
    ['has the header of another size', bytesOf(partAt(0)), { ...partAt(0), size: 4000 }],
    ['has no header', Buffer.alloc(100_000, 'L'), partAt(0)],
    ['has a damaged header', Buffer.from(bytesOf(partAt(0))).fill(7, 0, 20), partAt(0)],
    ['is nothing', Buffer.alloc(0), partAt(0)],
  ];
  it.each(damaged)('is damaged and never marked: it %s', async (_, bytes, part) => {
    await expect(extractShard(inPieces(bytes), build, 1, { ...quiet, part })).rejects.toThrow(MediaDamaged);
    expect(await (await PartFile.prepare(build, part)).isWritten()).toBe(false);
  });

  it.each(['../outside', 'a/../../outside', '/outside', '.replicator-x/file', ''])(
    'never lies outside the tree: %j',
    async (path) => {
      const part = partAt(0, path);
      await expect(extractShard(inPieces(bytesOf(part)), build, 1, { ...quiet, part })).rejects.toThrow(
        MediaUnsafe,
      );
    },
  );

  it('is never written below a link or through one, and replaces nothing', async () => {
    const outside = join(scratch, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(build.tree.toString(), 'folder'));
    await expect(extract(0)).rejects.toThrow(MediaUnsafe);
    rmSync(join(build.tree.toString(), 'folder'));
    mkdirSync(join(build.tree.toString(), 'folder'));
    symlinkSync(join(outside, 'file'), named);
    await extract(0);
    await extract(1000);
    await expect(extract(2000)).rejects.toThrow(MediaUnsafe);
    expect(lstatSync(named).isSymbolicLink()).toBe(true);
    rmSync(named);
    writeFileSync(named, 'another');
    chmodSync(named, 0o600);
    await expect(extract(2000)).rejects.toThrow(MediaUnsafe);
    expect(existsSync(join(outside, 'file'))).toBe(false);
    expect(statSync(named).mode & 0o777).toBe(0o600);
  });
});

it('a header is read of a file of 200 GB with a name of 4000 bytes', async () => {
  const path = Array.from({ length: 20 }, () => 'x'.repeat(199)).join('/');
  const part = { path, offset: 0, bytes: 10, size: 200e9 };
  const header = tarHeader({
    path: Buffer.from(path),
    kind: 'file',
    mode: 0o600,
    uid: 2 ** 31,
    gid: 0,
    size: 200e9,
    mtime: 1n,
  });
  const file = await PartFile.prepare(build, part);
  await extractPart(inPieces(Buffer.concat([header, Buffer.alloc(10)]), 100), file, part, quiet);
  expect(await file.isWritten()).toBe(true);
});
