import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { chmod, mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBuild } from '../../functions/media/build.ts';
import { MediaSwapPending, MediaSwapUnprepared } from '../../functions/media/errors.ts';
import { findLeftovers, finishSwap, removeLeftover, removePrevious } from '../../functions/media/finish.ts';
import { prepareSwap, type SwapCalls, swapBack, swapForward } from '../../functions/media/swap.ts';
import { RunId } from '../../functions/run/run-id.ts';
import { asOrdinaryUser } from './ordinary-user.ts';
import { describeTree } from './trees.ts';

const runId = RunId.parse('20261123T054300Z-k3f9qa');
const other = RunId.parse('20261122T000000Z-aaaaaa');
let scratch = '';
let media = '';
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'media-swap-'));
  fresh();
});
afterEach(() => {
  execFileSync('chmod', ['-R', 'u+rwX', scratch]);
  rmSync(scratch, { recursive: true, force: true });
});

function fresh(): void {
  media = mkdtempSync(join(scratch, 'media-'));
}

/** Entries: folders with a file, a file, a link, one with a name that is no UTF-8, one that its owner can't write to. */
function fill(folder: string, names: readonly string[], content: string): void {
  for (const name of names) {
    const path = Buffer.from(`${folder}/${name}`, 'latin1');
    if (name.startsWith('file')) writeFileSync(path, content);
    else if (name.startsWith('link')) symlinkSync(content, path);
    else {
      mkdirSync(path);
      writeFileSync(Buffer.concat([path, Buffer.from('/inside')]), content);
      if (name.startsWith('locked')) chmodSync(path, 0o555);
    }
  }
}

/** Everything that a user of the media directory sees, without our own folders. */
function inUse(): string[] {
  return describeTree(media).filter((line) => !line.startsWith('.replicator-'));
}

async function prepared(oldNames: readonly string[], newNames: readonly string[]) {
  fill(media, oldNames, 'old');
  const build = await createBuild(media, runId);
  fill(build.tree.toString(), newNames, 'new');
  const before = { old: inUse(), new: describeTree(build.tree.toString()) };
  await prepareSwap(media, runId);
  return before;
}

/** Ends the world before or after the call of that number. */
function crashingAt(number: number, when: 'before' | 'after'): SwapCalls & { done: number } {
  const calls = {
    done: 0,
    rename: (from: Buffer, to: Buffer) => step(() => rename(from, to)),
    chmod: (path: Buffer, mode: number) => step(() => chmod(path, mode)),
    mkdir: (path: Buffer) => step(async () => void (await mkdir(path, { recursive: true }))),
  };
  const step = async (work: () => Promise<void>) => {
    calls.done += 1;
    if (calls.done === number && when === 'before') throw new Error('crash');
    await work();
    if (calls.done === number) throw new Error('crash');
  };
  return calls;
}

const oldNames = [
  'both',
  'file',
  'file-both',
  'link-both',
  'locked',
  'locked-both',
  'old-only',
  'gr\xfc\xdfe',
];
const newNames = [
  'both',
  'file-both',
  'file-new',
  'link-both',
  'locked-both',
  'locked-new',
  'zz-new',
  '\xff\xfe',
];

describe('the switch-over of media', () => {
  it('puts the new entries in the place of the old ones, and back again', async () => {
    const before = await prepared(oldNames, newNames);
    expect(inUse()).toEqual(before.old);
    expect(await swapForward(media, runId)).toEqual({ out: 8, in: 8, appeared: [] });
    expect(inUse()).toEqual(before.new);
    expect(await swapBack(media, runId)).toEqual({ out: 8, in: 8, appeared: [] });
    expect(inUse()).toEqual(before.old);
    await swapForward(media, runId);
    expect(inUse()).toEqual(before.new);
  });

  for (const when of ['before', 'after'] as const) {
    for (const way of ['forward', 'back'] as const) {
      it(`interrupted ${when} any call on its way ${way} can be finished and undone, each leaving all of one`, async () => {
        let crashes = 0;
        for (let number = 1; ; number += 1) {
          for (const then of ['forward', 'back'] as const) {
            fresh();
            const before = await prepared(oldNames, newNames);
            if (way === 'back') await swapForward(media, runId);
            const calls = crashingAt(number, when);
            const interrupted = await move(way, calls).then(
              () => false,
              () => true,
            );
            if (!interrupted) {
              expect(crashes).toBeGreaterThan(30);
              return;
            }
            crashes += 1;
            await move(then);
            expect(inUse()).toEqual(then === 'forward' ? before.new : before.old);
            await move(then);
            expect(inUse()).toEqual(then === 'forward' ? before.new : before.old);
          }
        }
      }, 60_000);
    }
  }

  it('interrupted again and again, in changing directions, still comes out whole', async () => {
    const names = fc.subarray(['a', 'b', 'file-c', 'link-d', 'locked-e', '\xff', 'g']);
    const crash = fc.record({
      way: fc.constantFrom('forward' as const, 'back' as const),
      number: fc.integer({ min: 1, max: 20 }),
      when: fc.constantFrom('before' as const, 'after' as const),
    });
    await fc.assert(
      fc.asyncProperty(
        names,
        names,
        fc.array(crash, { maxLength: 5 }),
        fc.boolean(),
        async (olds, news, crashes, forward) => {
          fresh();
          const before = await prepared(olds, news);
          for (const { way, number, when } of crashes) {
            await move(way, crashingAt(number, when)).catch(() => {});
          }
          await move(forward ? 'forward' : 'back');
          expect(inUse()).toEqual(forward ? before.new : before.old);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it('never moves folders of other runs', async () => {
    await createBuild(media, other);
    mkdirSync(join(media, `.replicator-previous-${other}`));
    await prepared(oldNames, newNames);
    await swapForward(media, runId);
    await finishSwap(media, runId, { keepPrevious: false });
    expect(readdirSync(media).filter((name) => name.startsWith('.replicator-'))).toEqual([
      `.replicator-${other}`,
      `.replicator-previous-${other}`,
    ]);
  });

  it('puts aside and reports what appeared in the way of a new entry, and gives it back when undone', async () => {
    const before = await prepared(['a'], ['a', 'b']);
    fill(media, ['b'], 'uploaded meanwhile');
    expect(await swapForward(media, runId)).toMatchObject({ appeared: ['b'] });
    expect(inUse()).toEqual(before.new);
    await swapBack(media, runId);
    expect(inUse().filter((line) => !line.startsWith('b'))).toEqual(before.old);
    expect(existsSync(join(media, 'b/inside'))).toBe(true);
  });

  it('goes on when an old entry was removed meanwhile', async () => {
    const before = await prepared(['a', 'b'], ['a', 'c']);
    rmSync(join(media, 'b'), { recursive: true });
    await swapForward(media, runId);
    expect(inUse()).toEqual(before.new);
    expect(await findLeftovers(media)).toEqual([{ runId, state: 'swapped' }]);
  });

  it('done twice leaves a new entry in place whose old one was removed meanwhile', async () => {
    const before = await prepared(['a', 'b'], ['a']);
    rmSync(join(media, 'a'), { recursive: true });
    await swapForward(media, runId);
    await swapForward(media, runId);
    expect(inUse()).toEqual(before.new);
  });

  it('from and to an empty directory works', async () => {
    const before = await prepared([], []);
    await swapForward(media, runId);
    await swapBack(media, runId);
    expect(inUse()).toEqual(before.old);
    await removeLeftover(media, runId);
    expect(readdirSync(media)).toEqual([]);
  });

  it('is refused without a journal', async () => {
    await createBuild(media, runId);
    await expect(swapForward(media, runId)).rejects.toThrow(MediaSwapUnprepared);
    await expect(swapBack(media, runId)).rejects.toThrow(MediaSwapUnprepared);
    await expect(prepareSwap(media, other)).rejects.toThrow(MediaSwapUnprepared);
  });

  it('may be prepared again until something has moved; then the journal stays as it is', async () => {
    await prepared(['a'], ['b']);
    fill(media, ['late'], 'old');
    expect(await prepareSwap(media, runId)).toEqual({ out: 2, in: 1 });
    await swapForward(media, runId);
    fill(media, ['later'], 'new');
    expect(await prepareSwap(media, runId)).toEqual({ out: 2, in: 1 });
  });

  it('moves folders that their owner may not write to, and leaves them as they are', () => {
    const modules = {
      'functions/media/build.ts': 'createBuild',
      'functions/media/swap.ts': 'prepareSwap, swapForward, swapBack',
      'functions/media/finish.ts': 'finishSwap',
      'node:fs': 'chmodSync, mkdirSync, statSync, writeFileSync, readdirSync',
    };
    const script = `
      const media = ${JSON.stringify(media)};
      const locked = (path) => { mkdirSync(path); writeFileSync(path + '/inside', 'x'); chmodSync(path, 0o555); };
      locked(media + '/a');
      const build = await createBuild(media, '${runId}');
      locked(build.tree + '/a');
      locked(build.tree + '/b');
      await prepareSwap(media, '${runId}');
      await swapForward(media, '${runId}');
      await swapBack(media, '${runId}');
      await swapForward(media, '${runId}');
      await finishSwap(media, '${runId}', { keepPrevious: false });
      const modes = readdirSync(media).map((name) => name + ' ' + (statSync(media + '/' + name).mode & 0o777).toString(8));
      console.log(process.getuid() !== 0, modes.join(', '));`;
    expect(asOrdinaryUser(scratch, modules, script)).toBe('true a 555, b 555\n');
  });
});

describe('what a run leaves behind', () => {
  it('is told apart at every stage, and removed when nobody needs it', async () => {
    const state = async () => (await findLeftovers(media)).map((leftover) => leftover.state);
    expect(await state()).toEqual([]);
    await createBuild(media, runId);
    expect(await state()).toEqual(['building']);
    await removeLeftover(media, runId);
    expect(await state()).toEqual([]);

    const before = await prepared(['a', 'locked'], ['a', 'locked-b']);
    expect(await state()).toEqual(['prepared']);
    await swapForward(media, runId, crashingAt(4, 'before')).catch(() => {});
    expect(await state()).toEqual(['swapping']);
    await expect(removeLeftover(media, runId)).rejects.toThrow(MediaSwapPending);
    await expect(finishSwap(media, runId, { keepPrevious: false })).rejects.toThrow(MediaSwapPending);
    await swapForward(media, runId);
    expect(await state()).toEqual(['swapped']);
    await expect(removeLeftover(media, runId)).rejects.toThrow(MediaSwapPending);
    await expect(removePrevious(media, runId)).rejects.toThrow(MediaSwapPending);

    await finishSwap(media, runId, { keepPrevious: true });
    await finishSwap(media, runId, { keepPrevious: true });
    expect(await state()).toEqual(['kept']);
    await removeLeftover(media, runId);
    expect(existsSync(join(media, `.replicator-previous-${runId}/a/inside`))).toBe(true);
    await removePrevious(media, runId);
    await removePrevious(media, runId);
    expect(await state()).toEqual([]);
    expect(inUse()).toEqual(before.new);
    expect(readdirSync(media).sort()).toEqual(['a', 'locked-b']);
  });

  it('after a switch-over that was undone is the build alone', async () => {
    const before = await prepared(['a'], ['b']);
    await swapForward(media, runId);
    await swapBack(media, runId);
    expect(await findLeftovers(media)).toEqual([{ runId, state: 'prepared' }]);
    await removeLeftover(media, runId);
    expect(readdirSync(media)).toEqual(['a']);
    expect(inUse()).toEqual(before.old);
  });

  it('can be cleaned up after a crash between the end of a switch-over and the removal', async () => {
    const before = await prepared(['a'], ['b']);
    await swapForward(media, runId);
    rmSync(join(media, `.replicator-${runId}/journal.json`));
    expect(await findLeftovers(media)).toEqual([{ runId, state: 'final' }]);
    await removeLeftover(media, runId);
    expect(readdirSync(media)).toEqual(['b']);
    expect(inUse()).toEqual(before.new);
  });

  it('of several runs is found, oldest first', async () => {
    await createBuild(media, runId);
    await createBuild(media, other);
    expect((await findLeftovers(media)).map((leftover) => leftover.runId)).toEqual([other, runId]);
  });
});

function move(way: 'forward' | 'back', calls?: SwapCalls) {
  return way === 'forward' ? swapForward(media, runId, calls) : swapBack(media, runId, calls);
}
