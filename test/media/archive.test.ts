import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveShard } from '../../functions/media/archive.ts';
import { MediaDirectoryMissing } from '../../functions/media/errors.ts';
import { planMedia } from '../../functions/media/plan.ts';
import { silence } from '../../functions/run/progress.ts';
import {
  archiveAll,
  archiveMembers,
  describeTree,
  endOfArchive,
  makeOddTree,
  quiet,
  unpackFixture,
} from './trees.ts';

let scratch = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'media-archive-'));
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

describe('a media archive', () => {
  for (const [name, make] of [
    ['every kind of odd entry', makeOddTree],
    ['the media of Nautobot 3.1', unpackFixture],
  ] as const) {
    it(`is unpacked by GNU tar to the same directory: ${name}`, async () => {
      const source = make(join(scratch, 'source'));
      const { shards } = await archiveAll(source, { shardMembers: 7 });
      expect(shards.length).toBeGreaterThan(2);
      const archive = Buffer.concat([...shards.map(({ bytes }) => bytes), endOfArchive]);
      mkdirSync(join(scratch, 'unpacked'));
      const tar = spawnSync('tar', ['-xpf', '-', '-C', join(scratch, 'unpacked')], {
        input: archive,
        env: { ...process.env, LC_ALL: 'C' },
      });
      // Of times before 1970 and far ahead it says that they are odd, and sets them.
      const complaints = tar.stderr
        .toString()
        .split('\n')
        .filter((line) => !/time stamp/.test(line));
      expect(complaints).toEqual(['']);
      expect(tar.status).toBe(0);
      expect(describeTree(join(scratch, 'unpacked'), { rootToo: true })).toEqual(
        describeTree(source, { rootToo: true }),
      );
    });
  }

  it('is the same bytes whatever the shards are', async () => {
    const source = join(scratch, 'source');
    makeOddTree(source);
    const one = await archiveAll(source);
    const many = await archiveAll(source, { shardMembers: 3, shardBytes: 100 });
    expect(one.shards).toHaveLength(1);
    expect(many.shards.length).toBeGreaterThan(10);
    const bytes = Buffer.concat(many.shards.map((shard) => shard.bytes));
    expect(bytes.equals(one.shards[0]?.bytes ?? Buffer.alloc(0))).toBe(true);
  });

  it('counts what it holds, each member once', async () => {
    const source = join(scratch, 'source');
    makeOddTree(source);
    const plan = await planMedia(source);
    const { result, counted, bytes } = await archiveMembers(source, plan.shards[0]?.members ?? []);
    const listed = spawnSync('tar', ['-tf', '-'], { input: Buffer.concat([bytes, endOfArchive]) });
    const names = listed.stdout.toString('latin1').trimEnd().split('\n');
    expect(result).toEqual({
      files: plan.files,
      directories: plan.directories,
      links: plan.links,
      bytes: plan.bytes,
      members: names.length,
      notes: [],
    });
    expect(counted).toBe(names.length);
    expect(bytes.length % 512).toBe(0);
  });

  it('never hands on more than a mebibyte at once of a large file, and waits for the sink', async () => {
    const source = join(scratch, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'large'), Buffer.alloc(5 * 1024 * 1024 + 1));
    let inside = 0;
    let largest = 0;
    const sink = {
      append: async (bytes: Buffer) => {
        inside += 1;
        expect(inside).toBe(1);
        largest = Math.max(largest, bytes.length);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside -= 1;
      },
    };
    const plan = await planMedia(source);
    await archiveShard(source, plan.shards[0]?.members ?? [], sink, quiet);
    expect(largest).toBe(1024 * 1024);
  });
});

describe('a file that changes between plan and end', () => {
  for (const [how, change] of [
    ['grows', (path: string) => appendFileSync(path, 'more')],
    ['shrinks', (path: string) => truncateSync(path, 2 * 1024 * 1024)],
    ['is emptied', (path: string) => truncateSync(path, 0)],
    ['is rewritten in place', (path: string) => writeFileSync(path, Buffer.alloc(4 * 1024 * 1024, 'b'))],
  ] as const) {
    it(`is noted as torn when it ${how}, and the archive stays whole`, async () => {
      const source = join(scratch, 'source');
      mkdirSync(source);
      const path = join(source, 'a.bin');
      writeFileSync(path, Buffer.alloc(4 * 1024 * 1024, 'a'));
      writeFileSync(join(source, 'b.txt'), 'after it');
      const plan = await planMedia(source);
      const pieces: Buffer[] = [];
      const sink = {
        append: async (bytes: Buffer) => {
          pieces.push(bytes);
          if (pieces.length === 4) change(path);
        },
      };
      const result = await archiveShard(source, plan.shards[0]?.members ?? [], sink, quiet);
      expect(result.notes).toEqual([{ path: 'a.bin', note: expect.stringContaining('changed while') }]);
      const listing = execFileSync('tar', ['-tvf', '-'], { input: Buffer.concat([...pieces, endOfArchive]) });
      expect(listing.toString()).toMatch(/ 4194304 .* a\.bin\n.* 8 .* b\.txt\n$/);
    });
  }

  it('is noted and left out when it is gone, and when something else has taken its place', async () => {
    const source = join(scratch, 'source');
    mkdirSync(join(source, 'folder'), { recursive: true });
    for (const name of [
      'gone',
      'now-link',
      'now-folder',
      'now-pipe',
      'stays',
      'folder/inside',
      'now-socket',
    ]) {
      writeFileSync(join(source, name), 'content');
    }
    const plan = await planMedia(source);
    for (const name of ['gone', 'now-link', 'now-folder', 'now-pipe', 'folder', 'now-socket']) {
      rmSync(join(source, name), { recursive: true });
    }
    symlinkSync('/etc/passwd', join(source, 'now-link'));
    mkdirSync(join(source, 'now-folder'));
    execFileSync('mkfifo', [join(source, 'now-pipe')]);
    writeFileSync(join(source, 'folder'), 'a file now');
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(source, 'now-socket'), resolve));
    const { result, bytes } = await archiveMembers(source, plan.shards[0]?.members ?? []);
    server.close();
    expect(result.notes.map(({ path }) => path)).toEqual([
      'folder',
      'folder/inside',
      'gone',
      'now-folder',
      'now-link',
      'now-pipe',
      'now-socket',
    ]);
    const names = execFileSync('tar', ['-tf', '-'], { input: Buffer.concat([bytes, endOfArchive]) });
    expect(names.toString()).toBe('./\nstays\n');
    expect(result).toMatchObject({ files: 1, directories: 1, links: 0, members: 2 });
  });

  it('has its new size in the archive when it grew before it was read', async () => {
    const source = join(scratch, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'a'), 'small');
    const plan = await planMedia(source);
    writeFileSync(join(source, 'a'), Buffer.alloc(1024 * 1024, 'x'));
    const { result, bytes } = await archiveMembers(source, plan.shards[0]?.members ?? []);
    expect(result).toMatchObject({ bytes: 1024 * 1024, notes: [] });
    expect(bytes.length).toBeGreaterThan(1024 * 1024);
  });
});

describe('archiving', () => {
  it('fails when all files are gone at once: the volume went away', async () => {
    const source = join(scratch, 'source');
    mkdirSync(source);
    for (let i = 0; i < 20; i += 1) writeFileSync(join(source, `${i}`), 'content');
    const plan = await planMedia(source);
    renameSync(source, join(scratch, 'unmounted'));
    mkdirSync(source);
    await expect(archiveMembers(source, plan.shards[0]?.members ?? [])).rejects.toThrow(
      MediaDirectoryMissing,
    );
  });

  it('stops with the reason of the signal in the middle of a file', async () => {
    const source = join(scratch, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'large'), Buffer.alloc(8 * 1024 * 1024));
    const plan = await planMedia(source);
    const controller = new AbortController();
    const pieces: number[] = [];
    const sink = {
      append: async (bytes: Buffer) => {
        pieces.push(bytes.length);
        if (pieces.length === 4) controller.abort(new Error('Ctrl-C'));
      },
    };
    const options = { signal: controller.signal, progress: silence };
    await expect(archiveShard(source, plan.shards[0]?.members ?? [], sink, options)).rejects.toThrow(
      'Ctrl-C',
    );
    expect(pieces).toHaveLength(4);
  });

  it('passes on what the sink throws', async () => {
    const source = join(scratch, 'source');
    mkdirSync(source);
    writeFileSync(join(source, 'a'), 'a');
    const plan = await planMedia(source);
    const sink = { append: () => Promise.reject(new Error('bucket is gone')) };
    await expect(archiveShard(source, plan.shards[0]?.members ?? [], sink, quiet)).rejects.toThrow(
      'bucket is gone',
    );
  });
});
