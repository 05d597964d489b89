import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MediaDirectoryMissing } from '../../functions/media/errors.ts';
import { cutIntoShards, MediaPlan, planMedia } from '../../functions/media/plan.ts';
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
  const found = fc.record({
    path: fc.string({ minLength: 1 }).map((text) => Buffer.from(text)),
    kind: fc.constantFrom('file' as const, 'directory' as const),
    size: fc.integer({ min: 0, max: 1000 }),
  });

  it('keeps every member in order, and no shard is larger than asked unless it is one file', () => {
    fc.assert(
      fc.property(
        fc.array(found, { maxLength: 200 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 30 }),
        (members, shardBytes, shardMembers) => {
          const sized = members.map((member) => ({
            ...member,
            size: member.kind === 'file' ? member.size : 0,
          }));
          const shards = cutIntoShards(sized, { shardBytes, shardMembers });
          expect(shards.flatMap((shard) => shard.members.map(({ path }) => path))).toEqual(
            sized.map(({ path }) => path.toString('latin1')),
          );
          for (const shard of shards) {
            expect(shard.members.length).toBeGreaterThan(0);
            expect(shard.members.length).toBeLessThanOrEqual(shardMembers);
            expect(shard.bytes).toBe(shard.members.reduce((sum, { size }) => sum + size, 0));
            const withContent = shard.members.filter(({ size }) => size > 0).length;
            expect(shard.bytes <= shardBytes || withContent === 1).toBe(true);
          }
        },
      ),
    );
  });
});
