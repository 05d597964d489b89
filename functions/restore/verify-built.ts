import type { PostData } from '../definitions/post-data-groups.ts';
import { buildOf } from '../media/build.ts';
import { countTree } from '../media/count-tree.ts';
import type { Database } from '../postgres/session.ts';
import type { Lifetime } from '../run/lifetime.ts';
import { RestoreVerificationFailed } from '../target/errors.ts';
import { countRows, type VerifiedRestore, verifyRestore } from '../target/verify-restore.ts';
import { referencesIn } from './compare-media.ts';
import { tablesAsKept } from './kept-rows.ts';
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
  readonly media: { readonly files: number; readonly bytes: number } | null;
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
    // Files are counted in one go, by a handler that has its life before it
    if (counted === undefined || isHalfOver(work.life)) return undefined;
    mediaFound = await verifyMedia(restoring, target, media, options.signal);
  }
  const verified = await verifyRestore(target, plan.rebuild, {
    postData: whole ? await restoring.postData(options.signal) : nothing,
    tables,
    sequences: whole ? manifest.sequences : [],
    ...work,
  });
  return verified && { ...verified, media: mediaFound };
}

function isHalfOver(life: Lifetime): boolean {
  return Number.isFinite(life.wholeSeconds) && life.leftMs() < life.wholeSeconds * 350;
}

/** Counts them, and on the way holds them against the rows as they are now. */
async function verifyMedia(restoring: Restoring, target: Database, media: string, signal: AbortSignal) {
  const { manifest, runId } = restoring;
  const expected = manifest.media;
  const comparison = await referencesIn(restoring, target, signal);
  const found = await countTree(buildOf(media, runId), (path) => comparison.meet(path));
  await restoring.report('CompareMedia', {
    backup: manifest.mediaComparison ?? null,
    restored: comparison.result,
  });
  if (typeof expected === 'string') return { files: 0, bytes: 0 };
  const differences = (['files', 'directories', 'links', 'bytes'] as const)
    .filter((what) => found[what] !== expected[what])
    .map((what) => `${found[what]} ${what} instead of ${expected[what]}`);
  if (differences.length > 0)
    throw new RestoreVerificationFailed(
      `the media unpacked beside ${media} are not what the backup says, so they do not come into use: ${differences.join(', ')}`,
    );
  return { files: found.files, bytes: found.bytes };
}
