import type { Progress } from '../../run/progress.ts';
import { inParallel } from '../../store/in-parallel.ts';
import type { MediaBucket, MediaBuckets } from '../../store/media-bucket.ts';
import type { ObjectFacts } from '../../store/object-store.ts';
import { MediaObjectsDiffer } from '../errors.ts';
import { matchMedia } from '../patterns.ts';

/** Copies at the same time; the server does the work. */
const copiesAtOnce = 32;
/** Objects that are looked at before their copies begin. */
const batch = 1000;

/**
 * `add`: what the target lacks; nobody there refers to it yet. `settle`: what differs as well, and what the source has
 * not goes where that is asked for. The first comes before a switch-over, the second after it.
 */
export type CopyPhase = 'add' | 'settle';

export interface CopyCounts {
  /** Of the source, patterns left aside. */
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
  readonly replaced: number;
  readonly removed: number;
  /** Of the source, named by a pattern. */
  readonly leftOut: number;
  /** Of the target, which the source has not and nobody asked to remove. */
  readonly others: number;
}

export interface CopyOptions {
  readonly phase: CopyPhase;
  /** Patterns of media that stay out (docs/media.md). */
  readonly exclude: readonly string[];
  readonly isNearlyOver: () => boolean;
  readonly progress: Pick<Progress, 'advance'>;
  readonly signal: AbortSignal;
}

/**
 * Brings one bucket's media to what another one's are, as far as the phase goes. Listings are compared, so that a
 * repeated call does what is left. An object is the same if it has the same size, and the same ETag or a later time of
 * change: with a KMS key, or in parts, copies have ETags of their own.
 * @returns undefined when there was no time for all of it
 * @throws MediaObjectsDiffer, StoreAccessDenied and what else the store throws
 */
export async function copyMedia(
  { from, to, removesOthers }: MediaBuckets,
  { phase, exclude, isNearlyOver, progress, signal }: CopyOptions,
): Promise<CopyCounts | undefined> {
  const isLeftOut = matchMedia(exclude);
  const there = await listed(to, signal);
  const counts = { files: 0, bytes: 0, added: 0, replaced: 0, removed: 0, leftOut: 0, others: 0 };
  const copied = new Map<string, ObjectFacts>();
  let waiting: ObjectFacts[] = [];
  const copyWaiting = async () => {
    await inParallel(waiting, copiesAtOnce, async (object) => {
      if (isNearlyOver() || !(await to.copyFrom(from, object, signal))) return;
      copied.set(object.key, object);
      progress.advance({ files: 1, bytes: object.size });
    });
    waiting = [];
  };
  for await (const object of from.list('')) {
    signal.throwIfAborted();
    if (isLeftOut(pathOf(object.key))) {
      counts.leftOut += 1;
      continue;
    }
    counts.files += 1;
    counts.bytes += object.size;
    const old = there.get(object.key);
    there.delete(object.key);
    if (old && (phase === 'add' || isSame(object, old))) continue;
    counts[old ? 'replaced' : 'added'] += 1;
    waiting.push(object);
    if (waiting.length >= batch) await copyWaiting();
    if (isNearlyOver()) return undefined;
  }
  await copyWaiting();
  if (isNearlyOver()) return undefined;
  await checkCopies(from, to, copied, signal);
  // Nothing at all is more likely a place that is gone than a Nautobot that has lost all of its files
  const isEmpty = counts.files + counts.leftOut === 0;
  if (phase === 'settle' && removesOthers && !isEmpty) {
    await to.remove([...there.keys()]);
    counts.removed = there.size;
  } else counts.others = there.size;
  return counts;
}

function isSame(object: ObjectFacts, old: ObjectFacts): boolean {
  if (object.size !== old.size) return false;
  const isLater = old.lastModified && object.lastModified && old.lastModified > object.lastModified;
  return object.etag === old.etag || isLater === true;
}

/** Not merge-joined: not every kind of bucket lists in the order of keys. */
async function listed(bucket: MediaBucket, signal: AbortSignal): Promise<Map<string, ObjectFacts>> {
  const found = new Map<string, ObjectFacts>();
  for await (const object of bucket.list('')) {
    signal.throwIfAborted();
    found.set(object.key, object);
  }
  return found;
}

/** What was copied is there, in the size that the source has or had. */
async function checkCopies(
  from: MediaBucket,
  to: MediaBucket,
  copied: ReadonlyMap<string, ObjectFacts>,
  signal: AbortSignal,
): Promise<void> {
  if (copied.size === 0) return;
  const there = await listed(to, signal);
  const differing = [...copied.values()].filter(({ key, size }) => there.get(key)?.size !== size);
  await inParallel(differing, copiesAtOnce, async ({ key }) => {
    const now = await from.head(key);
    if (now === undefined || now.size === there.get(key)?.size) return;
    throw new MediaObjectsDiffer(
      `${to.uri(key)} has ${there.get(key)?.size ?? 'no'} bytes after it was copied, ${from.uri(key)} has ${now.size}; is somebody else writing there?`,
    );
  });
}

/** Patterns are asked of paths as latin1. */
function pathOf(key: string): string {
  return Buffer.from(key.replace(/\/+$/, ''), 'utf8').toString('latin1');
}
