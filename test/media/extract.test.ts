import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { finishDirectories } from '../../functions/media/attributes.ts';
import { createBuild } from '../../functions/media/build.ts';
import { countSome, countTree, nothingCounted } from '../../functions/media/count-tree.ts';
import { MediaDamaged, MediaUnsafe } from '../../functions/media/errors.ts';
import { extractShard, nothingLeftOut } from '../../functions/media/extract.ts';
import { type TarMember, tarHeader, tarPadding } from '../../functions/media/tar-header.ts';
import { Lifetime } from '../../functions/run/lifetime.ts';
import { RunId } from '../../functions/run/run-id.ts';
import { archiveAll, describeTree, inPieces, makeOddTree, quiet, unpackFixture } from './trees.ts';

const runId = RunId.parse('20261123T054300Z-k3f9qa');
let scratch = '';
let media = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'media-extract-'));
  media = join(scratch, 'media');
  mkdirSync(media);
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

describe('extracting', () => {
  for (const [name, make] of [
    ['every kind of odd entry', makeOddTree],
    ['the media of Nautobot 3.1', unpackFixture],
  ] as const) {
    it(`gives the same directory, shards in any order and at the same time: ${name}`, async () => {
      const source = make(join(scratch, 'source'));
      const { plan, shards } = await archiveAll(source, { shardMembers: 4 });
      const build = await createBuild(media, runId);
      const numbered = shards.map(({ bytes, result }, index) => ({ bytes, result, shard: index + 1 }));
      const extracted = await Promise.all(
        numbered.reverse().map(async ({ bytes, result, shard }) => {
          const counts = await extractShard(inPieces(bytes), build, shard, quiet);
          const { notes: _, ...archived } = result;
          expect(counts).toEqual({ ...archived, leftOut: nothingLeftOut });
          return counts;
        }),
      );
      const { files, directories, links, bytes } = plan;
      expect(await countTree(build)).toEqual({ files, directories, links, bytes });
      let counted = nothingCounted;
      for (let calls = 1; counted.pending.length > 0; calls++) {
        // Over at once: one folder a call
        counted = await countSome(build, counted, new Lifetime(() => 0));
        expect(counted.directories).toBe(calls);
      }
      expect(counted).toMatchObject({ files, directories, links, bytes });
      expect(extracted.reduce((sum, { members }) => sum + members, 0)).toBe(files + directories + links);
      await finishDirectories(build);
      await finishDirectories(build);
      expect(describeTree(build.tree.toString())).toEqual(describeTree(source));
    });
  }

  it('may be repeated after it failed anywhere, and never leaves half a file under its name', async () => {
    const source = unpackFixture(join(scratch, 'source'));
    const { shards } = await archiveAll(source);
    const bytes = shards[0]?.bytes ?? Buffer.alloc(0);
    const build = await createBuild(media, runId);
    const whole = new Set(describeTree(source).filter((line) => line.includes(' file ')));
    for (let cut = 20_000; cut < bytes.length; cut += Math.ceil(bytes.length / 12)) {
      const attempt = extractShard(failingAt(bytes, cut), build, 1, quiet);
      await expect(attempt).rejects.toThrow('connection reset');
      const there = describeTree(build.tree.toString()).filter((line) => line.includes(' file '));
      expect(there.filter((line) => !whole.has(line))).toEqual([]);
    }
    await extractShard(inPieces(bytes), build, 1, quiet);
    await finishDirectories(build);
    expect(describeTree(build.tree.toString())).toEqual(describeTree(source));
  });

  it('survives two attempts at one shard at the same time', async () => {
    const source = makeOddTree(join(scratch, 'source'));
    const { shards } = await archiveAll(source);
    const bytes = shards[0]?.bytes ?? Buffer.alloc(0);
    const build = await createBuild(media, runId);
    await Promise.all([1, 2, 3].map(() => extractShard(inPieces(bytes), build, 1, quiet)));
    await finishDirectories(build);
    expect(describeTree(build.tree.toString())).toEqual(describeTree(source));
  });

  it('stops with the reason of the signal', async () => {
    const controller = new AbortController();
    const bytes = archiveOf(member('large', { content: Buffer.alloc(4 * 1024 * 1024) }));
    async function* slowly() {
      yield bytes.subarray(0, 2 * 1024 * 1024);
      controller.abort(new Error('Ctrl-C'));
      yield bytes.subarray(2 * 1024 * 1024);
    }
    const build = await createBuild(media, runId);
    const options = { ...quiet, signal: controller.signal };
    await expect(extractShard(slowly(), build, 1, options)).rejects.toThrow('Ctrl-C');
    expect(existsSync(join(build.tree.toString(), 'large'))).toBe(false);
  });

  it('keeps others out of what is being built', async () => {
    const build = await createBuild(media, runId);
    expect(statSync(build.folder).mode & 0o777).toBe(0o700);
  });

  it('calls an archive that is cut short damaged', async () => {
    const bytes = archiveOf(member('a', { content: Buffer.alloc(100_000) }));
    const build = await createBuild(media, runId);
    await expect(extractShard(inPieces(bytes.subarray(0, 50_000)), build, 1, quiet)).rejects.toThrow(
      MediaDamaged,
    );
  });
});

describe('an archive that was made to write elsewhere', () => {
  const link = (path: string, target: string) => member(path, { kind: 'symlink', target });
  for (const [how, members] of [
    ['an absolute path', () => [member(join(scratch, 'outside/file'))]],
    ['a path with ..', () => [member('../outside/file')]],
    ['a .. in the middle', () => [member('a/../../outside/file')]],
    ['a .. at the end', () => [member('a/..', { kind: 'directory' })]],
    ['a file below a link', () => [link('a', join(scratch, 'outside')), member('a/file')]],
    ['a folder below a link', () => [link('a', '../../../outside'), member('a/b', { kind: 'directory' })]],
    [
      'a file below a link to a link',
      () => [link('b', '../../../outside'), link('a', 'b'), member('a/file')],
    ],
    ['a file below a file', () => [member('a'), member('a/file')]],
    ['a link in the place of a folder', () => [member('a/file'), link('a', join(scratch, 'outside'))]],
    ['a file in the place of a folder', () => [member('a', { kind: 'directory' }), member('a')]],
    ["a name of this program's own", () => [member('.replicator-20261123T054300Z-k3f9qa/tree/x')]],
    ['a file in the place of the root', () => [member('.')]],
  ] as const) {
    it(`is refused: ${how}`, async () => {
      mkdirSync(join(scratch, 'outside'));
      const build = await createBuild(media, runId);
      const archive = archiveOf(...members());
      await expect(extractShard(inPieces(archive), build, 1, quiet)).rejects.toThrow(MediaUnsafe);
      expect(execFileSync('ls', ['-A', join(scratch, 'outside')]).toString()).toBe('');
    });
  }

  it('cannot write through a link that takes the place of a file: the link is replaced', async () => {
    mkdirSync(join(scratch, 'outside'));
    const build = await createBuild(media, runId);
    await extractShard(inPieces(archiveOf(link('a', join(scratch, 'outside/file')))), build, 1, quiet);
    const again = archiveOf(member('a', { content: Buffer.from('inside') }));
    await extractShard(inPieces(again), build, 1, quiet);
    expect(readFileSync(join(build.tree.toString(), 'a'), 'utf8')).toBe('inside');
    expect(existsSync(join(scratch, 'outside/file'))).toBe(false);
  });
});

describe('owners', () => {
  const asRoot = process.getuid?.() === 0;

  it(`of what is restored are ${asRoot ? "the media directory's, for root" : 'the user that restores'}`, async () => {
    const source = makeOddTree(join(scratch, 'source'));
    if (asRoot) execFileSync('chown', ['12345:23456', media]);
    const { shards } = await archiveAll(source);
    const build = await createBuild(media, runId);
    await extractShard(inPieces(shards[0]?.bytes ?? Buffer.alloc(0)), build, 1, quiet);
    await finishDirectories(build);
    const expected = asRoot ? '12345:23456' : `${process.getuid?.()}:${process.getgid?.()}`;
    const owners = spawnSync('find', [build.tree.toString(), '-mindepth', '1', '-printf', '%U:%G\\n']);
    expect(new Set(owners.stdout.toString().trim().split('\n'))).toEqual(new Set([expected]));
    expect(lstatSync(join(build.tree.toString(), 'deep/set-group')).mode & 0o7777).toBe(0o2755);
  });
});

interface Made {
  readonly header: TarMember;
  readonly content: Buffer;
}

function member(
  path: string,
  more: { kind?: TarMember['kind']; content?: Buffer; target?: string } = {},
): Made {
  const { kind = 'file', content = Buffer.alloc(0), target } = more;
  return {
    header: {
      path: Buffer.from(path),
      kind,
      mode: 0o755,
      uid: 0,
      gid: 0,
      size: content.length,
      mtime: 0n,
      ...(target !== undefined && { target: Buffer.from(target) }),
    },
    content,
  };
}

function archiveOf(...members: readonly Made[]): Buffer {
  return Buffer.concat(
    members.flatMap(({ header, content }) => [tarHeader(header), content, tarPadding(content.length)]),
  );
}

async function* failingAt(bytes: Buffer, cut: number): AsyncGenerator<Buffer> {
  yield* inPieces(bytes.subarray(0, cut));
  throw new Error('connection reset');
}
