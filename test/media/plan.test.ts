import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cutIntoShards } from '../../functions/media/cut-into-shards.ts';
import { MediaDirectoryMissing } from '../../functions/media/errors.ts';
import { MediaPlan, planMedia, planSome } from '../../functions/media/plan.ts';
import type { ScanPosition } from '../../functions/media/scan.ts';
import { Lifetime } from '../../functions/run/lifetime.ts';
import { asOrdinaryUser } from './ordinary-user.ts';
import { makeOddTree, namesBelow } from './trees.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'media-plan-'));
  chmodSync(scratch, 0o755);
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

describe('a media plan', () => {
  it('lists every entry once, folders before their contents, names in the order of their bytes', async () => {
    const source = makeOddTree(join(scratch, 'source'));
    const plan = await planMedia(source, { shardMembers: 5 });
    const paths = plan.shards.flatMap(({ members }) => members.map(({ path }) => path));
    expect(paths).toEqual(['', ...namesBelow(source).map((path) => path.toString('latin1'))]);
    expect(plan.shards.map(({ shard }) => shard)).toEqual(plan.shards.map((_, index) => index + 1));
  });

  it('survives being written as JSON, with names that are no UTF-8', async () => {
    const plan = await planMedia(makeOddTree(join(scratch, 'source')));
    expect(MediaPlan.parse(JSON.parse(JSON.stringify(plan)))).toEqual(plan);
  });

  it('of an empty directory is the directory itself', async () => {
    const plan = await planMedia(scratch);
    expect(plan).toEqual({
      shards: [{ shard: 1, bytes: 0, members: [{ path: '', kind: 'directory', size: 0 }] }],
      files: 0,
      directories: 1,
      links: 0,
      bytes: 0,
      notes: [],
      leftOut: { files: 0, bytes: 0 },
    });
  });

  it('is the same whether the directory is named by itself or by a link', async () => {
    const source = makeOddTree(join(scratch, 'source'));
    symlinkSync(source, join(scratch, 'link'));
    expect(await planMedia(join(scratch, 'link'))).toEqual(await planMedia(source));
  });

  it("leaves out this program's own folders at the top, and only there", async () => {
    mkdirSync(join(scratch, '.replicator-20261123T054300Z-k3f9qa/tree'), { recursive: true });
    mkdirSync(join(scratch, '.replicator-previous-20261123T054300Z-k3f9qa'));
    mkdirSync(join(scratch, 'folder/.replicator-notes'), { recursive: true });
    const plan = await planMedia(scratch);
    expect(plan.shards[0]?.members.map(({ path }) => path)).toEqual([
      '',
      'folder',
      'folder/.replicator-notes',
    ]);
  });

  it('notes pipes and sockets, and leaves them out', async () => {
    execFileSync('mkfifo', [join(scratch, 'pipe')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(scratch, 'socket'), resolve));
    const plan = await planMedia(scratch);
    server.close();
    expect(plan.notes).toEqual([
      { path: 'pipe', note: 'a named pipe, left out' },
      { path: 'socket', note: 'a socket, left out' },
    ]);
    expect(plan.shards[0]?.members).toHaveLength(1);
  });

  it('keeps links as links, also one to a folder and one to itself', async () => {
    mkdirSync(join(scratch, 'folder'));
    writeFileSync(join(scratch, 'folder/file'), 'x');
    symlinkSync('folder', join(scratch, 'to-folder'));
    symlinkSync('loop', join(scratch, 'loop'));
    const plan = await planMedia(scratch);
    expect(plan.shards[0]?.members.map(({ path, kind }) => `${path} ${kind}`)).toEqual([
      ' directory',
      'folder directory',
      'folder/file file',
      'loop symlink',
      'to-folder symlink',
    ]);
  });
});

describe('a plan that goes on where a lifetime ended', () => {
  /** Nearly over after so many looks at it. */
  const lifeOf = (looks: number) => new Lifetime(() => (looks-- > 0 ? 1000 : 0));

  async function inSteps(source: string, looks: () => number) {
    const members: string[] = [];
    const sums = { files: 0, directories: 0, links: 0, bytes: 0 };
    let after: ScanPosition | undefined;
    let steps = 0;
    do {
      const { plan, rest } = await planSome(source, { after, life: lifeOf(1 + looks()), shardMembers: 3 });
      for (const { path, kind } of plan.shards.flatMap((shard) => shard.members))
        members.push(`${kind} ${path}`);
      for (const sum of ['files', 'directories', 'links', 'bytes'] as const) sums[sum] += plan[sum];
      after = rest;
      steps++;
    } while (after);
    return { members, sums, steps };
  }

  it('names every entry once and in the same order, wherever it was interrupted', async () => {
    const source = makeOddTree(join(scratch, 'source'));
    const { shards, files, directories, links, bytes } = await planMedia(source);
    const whole = shards.flatMap((shard) => shard.members).map(({ path, kind }) => `${kind} ${path}`);
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat({ max: 12 })), async (looks) => {
        const { members, sums } = await inSteps(source, () => looks.next().value);
        expect(members).toEqual(whole);
        expect(sums).toEqual({ files, directories, links, bytes });
      }),
      { numRuns: 15 },
    );
    expect((await inSteps(source, () => 0)).steps).toBe(whole.length + 1);
  });

  it('does not enter a link that it ended at, nor stumble over a folder that is gone or a file by now', async () => {
    mkdirSync(join(scratch, 'source/b/deep'), { recursive: true });
    for (const name of ['b/deep/1', 'c']) writeFileSync(join(scratch, 'source', name), 'x');
    symlinkSync('b', join(scratch, 'source/a'));
    const behind = async (position: ScanPosition) =>
      (await planSome(join(scratch, 'source'), { after: position })).plan.shards.flatMap(({ members }) =>
        members.map(({ path }) => path),
      );
    expect(await behind({ path: 'a', kind: 'symlink' })).toEqual(['b', 'b/deep', 'b/deep/1', 'c']);
    rmSync(join(scratch, 'source/b/deep'), { recursive: true });
    expect(await behind({ path: 'b/deep/0', kind: 'file' })).toEqual(['c']);
    writeFileSync(join(scratch, 'source/b/deep'), 'x');
    expect(await behind({ path: 'b/deep', kind: 'directory' })).toEqual(['c']);
  });
});

describe('what a plan refuses', () => {
  it('is a directory that is not there, by its name', async () => {
    const missing = join(scratch, 'no\nsuch');
    const attempt = planMedia(missing);
    await expect(attempt).rejects.toThrow(MediaDirectoryMissing);
    await expect(attempt).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('no\\x0asuch'),
    });
  });

  it('is a file instead of a directory', async () => {
    writeFileSync(join(scratch, 'file'), '');
    await expect(planMedia(join(scratch, 'file'))).rejects.toThrow(MediaDirectoryMissing);
    await expect(planMedia(join(scratch, 'file/below'))).rejects.toThrow(MediaDirectoryMissing);
  });

  it('is a file that may not be read, which it names, and a folder that may not be entered', () => {
    const source = join(scratch, 'source');
    mkdirSync(join(source, 'deep/er'), { recursive: true });
    writeFileSync(join(source, 'deep/er/secret.cfg'), 'x', { mode: 0o000 });
    const plan = () =>
      asOrdinaryUser(
        scratch,
        { 'functions/media/plan.ts': 'planMedia' },
        `await planMedia(${JSON.stringify(source)}).then(
           () => console.log('planned'),
           (error) => console.log(error.name, error.exitCode, error.message),
         );`,
      );
    expect(plan()).toMatch(/^MediaUnreadable 2 .*deep\/er\/secret\.cfg .*EACCES/);
    chmodSync(join(source, 'deep/er/secret.cfg'), 0o644);
    chmodSync(join(source, 'deep/er'), 0o000);
    expect(plan()).toMatch(/^MediaUnreadable 2 .*deep\/er .*EACCES/);
    chmodSync(join(source, 'deep/er'), 0o755);
    expect(plan()).toBe('planned\n');
  });

  it('fails as root as well when a file cannot be opened', async () => {
    // A name that the file system itself refuses stands for EIO and the like.
    const plan = spawnSync('mkdir', [join(scratch, 'x'.repeat(256))]);
    expect(plan.status).not.toBe(0);
    await expect(planMedia(join(scratch, 'x'.repeat(256)))).rejects.toMatchObject({
      code: 'MediaUnreadable',
      message: expect.stringContaining('ENAMETOOLONG'),
    });
  });
});

describe('cutting into shards', () => {
  const facts = { mode: 0o644, uid: 1, gid: 2, mtime: -1_500_000_000n };
  const found = fc
    .record({
      path: fc.string({ minLength: 1 }).map((text) => Buffer.from(text).toString('latin1')),
      kind: fc.constantFrom('file' as const, 'directory' as const),
      size: fc.integer({ min: 0, max: 1000 }),
    })
    .map((each) => (each.kind === 'file' ? { ...each, facts } : { ...each, size: 0 }));
  const lists = fc.array(found, { maxLength: 200 });
  const shardBytes = fc.integer({ min: 1, max: 3000 });
  const shardMembers = fc.integer({ min: 1, max: 30 });

  it('keeps every member in order, and no shard is larger or longer than asked', () => {
    fc.assert(
      fc.property(lists, shardBytes, shardMembers, (members, bytes, most) => {
        const shards = cutIntoShards(members, { shardBytes: bytes, shardMembers: most, mostShards: 1e6 });
        const inOrder = shards.flatMap((shard) => shard.members).filter(({ part }) => !part?.offset);
        expect(inOrder.map(({ path }) => path)).toEqual(members.map(({ path }) => path));
        expect(shards.map(({ shard }) => shard)).toEqual(shards.map((_, index) => index + 1));
        for (const shard of shards) {
          expect(shard.members.length).toBeGreaterThan(0);
          expect(shard.members.length).toBeLessThanOrEqual(most);
          expect(shard.bytes).toBeLessThanOrEqual(bytes);
          expect(shard.bytes).toBe(
            shard.members.reduce((sum, { part, size }) => sum + (part?.bytes ?? size), 0),
          );
        }
      }),
    );
  });

  it('cuts a file that is larger than a shard into parts that tile it, each a shard of its own', () => {
    fc.assert(
      fc.property(lists, shardBytes, shardMembers, (members, bytes, most) => {
        const shards = cutIntoShards(members, { shardBytes: bytes, shardMembers: most, mostShards: 1e6 });
        let next = 0;
        for (const { members: inside } of shards) {
          const [{ part, size } = { part: undefined, size: 0 }] = inside;
          expect(inside.every((member) => (member.part === undefined) === member.size <= bytes)).toBe(true);
          expect(part?.offset ?? 0).toBe(next);
          if (part === undefined) continue;
          expect(inside).toHaveLength(1);
          expect(part).toMatchObject({ mode: 0o644, uid: 1, gid: 2, mtime: '-1500000000' });
          next = part.offset + part.bytes === size ? 0 : part.offset + part.bytes;
        }
        expect(next).toBe(0);
      }),
    );
  });

  it('makes larger shards rather than too many', () => {
    fc.assert(
      fc.property(
        lists,
        shardBytes,
        shardMembers,
        fc.integer({ min: 1, max: 20 }),
        (members, bytes, most, limit) => {
          const shards = cutIntoShards(members, { shardBytes: bytes, shardMembers: most, mostShards: limit });
          expect(shards.length).toBeLessThanOrEqual(limit);
          const paths = shards.flatMap((shard) => shard.members).filter(({ part }) => !part?.offset);
          expect(paths.map(({ path }) => path)).toEqual(members.map(({ path }) => path));
        },
      ),
    );
  });

  it('cuts 200 GB at 256 MiB where nothing else is said, and 50 TB into 2,500 shards at most', () => {
    const file = (size: number) => ({ path: 'image.iso', kind: 'file' as const, size, facts });
    const shards = cutIntoShards([file(200e9)]);
    expect(shards).toHaveLength(Math.ceil(200e9 / (256 * 1024 ** 2)));
    const many = cutIntoShards([file(50e12)]);
    expect(many.length).toBeGreaterThan(1_250);
    expect(many.length).toBeLessThanOrEqual(2_500);
    expect(Buffer.byteLength(JSON.stringify(many.map(({ shard }) => shard)))).toBeLessThan(64 * 1024);
  });

  it('ends parts where pages of a network file system end', () => {
    const file = { path: 'a', kind: 'file' as const, size: 100e6, facts };
    for (const shardBytes of [1024 ** 2, 10_000_001, 30e6]) {
      const offsets = cutIntoShards([file], { shardBytes }).map(
        ({ members }) => members[0]?.part?.offset ?? -1,
      );
      expect(offsets.length).toBeGreaterThan(2);
      expect(offsets.filter((offset) => offset % 1024 ** 2 !== 0)).toEqual([]);
    }
  });
});
