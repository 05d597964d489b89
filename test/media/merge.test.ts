import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildOf, createBuild } from '../../functions/media/build.ts';
import { MediaInTheWay } from '../../functions/media/errors.ts';
import { removeLeftover } from '../../functions/media/finish.ts';
import { mergeTree, settleMerge } from '../../functions/media/merge.ts';
import { asOrdinaryUser } from './ordinary-user.ts';
import { describeTree } from './trees.ts';

const runId = '20261123T054300Z-k3f9qa';
let media: string;
let tree: string;

beforeEach(async () => {
  media = mkdtempSync(join(tmpdir(), 'merge-'));
  for (const folder of ['images', 'plans']) mkdirSync(join(media, folder));
  write(media, { 'images/a.png': 'old', 'images/kept.png': 'kept', 'plans/3F.svg': 'old', 'x.txt': 'kept' });
  tree = (await createBuild(media, runId)).tree.toString();
  for (const folder of ['images', 'new', 'new/deep']) mkdirSync(join(tree, folder));
  write(tree, { 'images/a.png': 'new', 'images/b.png': 'new', 'new/deep/c.png': 'new' });
  symlinkSync('b.png', join(tree, 'images/link.png'));
});
afterEach(() => rmSync(media, { recursive: true, force: true }));

function write(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, path), content);
}

const read = (path: string) => readFileSync(join(media, path), 'utf8');
/** Everything that isn't a run's own. */
const inUse = () => describeTree(media).filter((line) => !line.includes('.replicator-'));

/** A folder's time changes with what goes in and out of it. */
const withoutTimes = (lines: readonly string[]) =>
  lines.map((line) => (line.includes(' directory ') ? line.replace(/ \d+$/, '') : line));

describe('files put in the place of others', () => {
  it('replace those of their names, are added beside the rest, and change nothing else', async () => {
    const kept = lstatSync(join(media, 'images/kept.png'));
    expect(await mergeTree(media, runId)).toEqual({ replaced: 1, added: 3 });
    await removeLeftover(media, runId);
    expect(['images/a.png', 'images/b.png', 'new/deep/c.png'].map(read)).toEqual(['new', 'new', 'new']);
    expect(readlinkSync(join(media, 'images/link.png'))).toBe('b.png');
    expect(['images/kept.png', 'plans/3F.svg', 'x.txt'].map(read)).toEqual(['kept', 'old', 'kept']);
    const after = lstatSync(join(media, 'images/kept.png'));
    expect([after.ino, after.mtimeMs, after.mode]).toEqual([kept.ino, kept.mtimeMs, kept.mode]);
    expect(existsSync(buildOf(media, runId).folder)).toBe(false);
  });

  it('are moved back when one of them can not be moved', async () => {
    const before = inUse();
    mkdirSync(join(tree, 'plans'));
    write(tree, { 'plans/3F.svg': 'new' });
    // By now the images are in place, and the old plan has nowhere to go
    const aside = join(buildOf(media, runId).folder.toString(), 'replaced');
    mkdirSync(aside);
    writeFileSync(join(aside, 'plans'), 'a file where a folder would be');
    await expect(mergeTree(media, runId)).rejects.toThrow(/ENOTDIR|EEXIST/);
    expect(withoutTimes(inUse())).toEqual(withoutTimes(before));
    await removeLeftover(media, runId);
    expect(withoutTimes(inUse())).toEqual(withoutTimes(before));
    expect(existsSync(buildOf(media, runId).folder)).toBe(false);
  });

  it('that were cut off in the middle are finished, whichever was the last', async () => {
    // What a process leaves that dies between two moves: the journal, some files in place
    const { folder } = buildOf(media, runId);
    const journal = {
      version: 1,
      runId,
      files: [
        { path: 'images/a.png', replaces: true },
        { path: 'images/b.png', replaces: false },
        { path: 'images/link.png', replaces: false },
        { path: 'new/deep/c.png', replaces: false },
      ],
      folders: ['new', 'new/deep'],
    };
    writeFileSync(join(folder.toString(), 'merge.json'), JSON.stringify(journal));
    writeFileSync(join(media, 'images/a.png'), 'new');
    rmSync(join(tree, 'images/a.png'));
    mkdirSync(join(media, 'new'));
    await settleMerge(media, runId);
    await settleMerge(media, runId);
    await removeLeftover(media, runId);
    expect(['images/a.png', 'images/b.png', 'new/deep/c.png'].map(read)).toEqual(['new', 'new', 'new']);
    expect(existsSync(folder)).toBe(false);
  });

  it('that have not begun to move are removed with their build', async () => {
    const before = inUse();
    await settleMerge(media, runId);
    await removeLeftover(media, runId);
    expect(inUse()).toEqual(before);
  });

  it.each([
    ['a folder in the place of a file', () => mkdirSync(join(media, 'images/b.png'))],
    ['a file in the place of a folder', () => writeFileSync(join(media, 'new'), 'x')],
    ['a link in the place of a folder', () => symlinkSync('plans', join(media, 'new'))],
  ])('are refused by %s, before anything is moved', async (_, inTheWay) => {
    inTheWay();
    const before = inUse();
    await expect(mergeTree(media, runId)).rejects.toThrow(MediaInTheWay);
    expect(inUse()).toEqual(before);
  });

  it('are refused by a folder that is not ours to write to', () => {
    chmodSync(join(media, 'images'), 0o555);
    const said = asOrdinaryUser(
      media,
      { 'functions/media/merge.ts': 'mergeTree' },
      `await mergeTree(${JSON.stringify(media)}, '${runId}').catch((error) => console.log(error.code));`,
    );
    expect(said).toBe('MediaNotWritable\n');
    expect(read('images/a.png')).toBe('old');
  });
});
