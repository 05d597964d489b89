import { readResult } from '../archive/put-result.ts';
import { readPostData } from '../definitions/post-data.ts';
import type { PostData } from '../definitions/post-data-groups.ts';
import { buildOf } from '../media/build.ts';
import { FileComparison } from '../media/compare.ts';
import { countSome, nothingCounted, type TreeCount } from '../media/count-tree.ts';
import { type LeftOutCounts, nothingLeftOut } from '../media/extract.ts';
import type { Database } from '../postgres/session.ts';
import type { Lifetime } from '../run/lifetime.ts';
import type { MediaLeftOut } from '../run/media-comparison.ts';
import { find, leave } from '../run/stored.ts';
import { RestoreVerificationFailed } from '../target/errors.ts';
import { countRows, type VerifiedRestore, verifyRestore } from '../target/verify-restore.ts';
import { referencesIn } from './compare-media.ts';
import { tablesAsKept } from './kept-rows.ts';
import { keys, LeftOutRecord, MediaCount } from './records.ts';
import type { Restoring } from './restoring.ts';

/** Nothing of a few tables' post-data is made in the hidden database: the target has its own. */
const nothing: PostData = {
  indexes: [],
  keys: [],
  others: [],
  foreignKeys: [],
  behaviour: [],
  refreshes: [],
  eventTriggers: [],
};

export interface VerifiedBuild extends VerifiedRestore {
  readonly media: { readonly files: number; readonly bytes: number; readonly leftOut?: MediaLeftOut } | null;
}

/**
 * Holds database and media against the manifest.
 * @returns undefined: the lifetime is nearly over and there is more to look at
 * @throws RestoreVerificationFailed
 */
export async function verifyBuilt(
  restoring: Restoring,
  target: Database,
  options: {
    readonly jobs: number;
    readonly media: string | undefined;
    readonly life: Lifetime;
    readonly signal: AbortSignal;
  },
): Promise<VerifiedBuild | undefined> {
  const { plan, manifest } = restoring;
  const tables = await tablesAsKept(restoring, target, options.signal);
  const { media, ...work } = options;
  const whole = plan.scope === 'database';
  let mediaFound: VerifiedBuild['media'] = null;
  if (media !== undefined) {
    const counted = await countRows(target, plan.rebuild, { tables, ...work });
    if (counted === undefined) return undefined;
    const found = await countMedia(restoring, target, media, options);
    if (found.pending.length > 0) return undefined;
    mediaFound = await compareCounts(restoring, media, found);
  }
  const verified = await verifyRestore(target, plan.rebuild, {
    postData: whole ? await readPostData(await restoring.postData(options.signal)) : nothing,
    tables,
    sequences: whole ? manifest.sequences : [],
    ...work,
  });
  return verified && { ...verified, media: mediaFound };
}

/** Counts them, and on the way holds them against the rows as they are now; what earlier invocations did stays done. */
async function countMedia(
  restoring: Restoring,
  target: Database,
  media: string,
  { life, signal }: { readonly life: Lifetime; readonly signal: AbortSignal },
): Promise<TreeCount> {
  const { store, manifest, runId } = restoring;
  const key = keys.mediaCount(runId);
  const before = await readResult(store, key, MediaCount);
  const comparison = before
    ? FileComparison.resume(before.comparison)
    : await referencesIn(restoring, target, signal);
  const meet = (path: string) => comparison.meet(path);
  const found = await countSome(buildOf(media, runId), before?.found ?? nothingCounted, life, meet);
  await leave(store, key, { found, comparison: comparison.saved } satisfies MediaCount);
  if (found.pending.length === 0)
    await restoring.report('CompareMedia', {
      backup: manifest.mediaComparison ?? null,
      restored: comparison.result([
        ...(manifest.mediaLeftOut?.patterns ?? []),
        ...(restoring.plan.excludeMedia ?? []),
      ]),
    });
  return found;
}

async function compareCounts(restoring: Restoring, media: string, found: TreeCount) {
  const expected = restoring.manifest.media;
  if (typeof expected === 'string') return { files: 0, bytes: 0 };
  const left = await leftOutOf(restoring, expected.chunks.length);
  const differences = (['files', 'directories', 'links', 'bytes'] as const)
    .filter((what) => found[what] !== expected[what] - left[what])
    .map((what) => `${found[what]} ${what} instead of ${expected[what] - left[what]}`);
  if (differences.length > 0)
    throw new RestoreVerificationFailed(
      `the media unpacked beside ${media} are not what the backup says, so they do not come into use: ${differences.join(', ')}`,
    );
  const { excludeMedia: patterns = [] } = restoring.plan;
  const leftOut = { patterns, files: left.files + left.links, bytes: left.bytes };
  return { files: found.files, bytes: found.bytes, ...(patterns.length > 0 && { leftOut }) };
}

/** Records read at the same time. */
const width = 24;

/** What workers left out by patterns; every one of them says how much, or the restore is not whole. */
async function leftOutOf({ store, runId, plan }: Restoring, shards: number): Promise<LeftOutCounts> {
  const sum = { ...nothingLeftOut };
  if (!plan.excludeMedia?.length) return sum;
  for (let from = 1; from <= shards; from += width) {
    const numbers = Array.from({ length: Math.min(width, shards - from + 1) }, (_, index) => from + index);
    const records = await Promise.all(
      numbers.map((shard) => find(store, keys.mediaLeftOut(runId, shard), LeftOutRecord)),
    );
    for (const record of records)
      for (const what of ['files', 'directories', 'links', 'bytes'] as const) sum[what] += record[what];
  }
  return sum;
}
