import { realpath } from 'node:fs/promises';
import type { SourceFacts } from '../functions/archive/manifest.ts';
import { checkProfile } from '../functions/backup/apply-profile.ts';
import { checkCache } from '../functions/cache/invalidate-redis.ts';
import { checkMediaBuckets } from '../functions/media/buckets/check-buckets.ts';
import { checkMediaTarget } from '../functions/media/target.ts';
import type { Database } from '../functions/postgres/session.ts';
import { rulesOf } from '../functions/restore/examine.ts';
import { type Check, tried } from '../functions/run/check.ts';
import { need } from '../functions/run/require.ts';
import { newRunId } from '../functions/run/run-id.ts';
import type { LeaveOut } from '../functions/snapshot/select-relations.ts';
import { sourceFacts } from '../functions/snapshot/source-facts.ts';
import { checkTarget, markCheck, refuse } from '../functions/target/check-target.ts';
import { TargetIsSource } from '../functions/target/errors.ts';
import { allowTarget } from '../functions/target/target-mark.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';

/**
 * Does the server answer, with this login and database? Said before there is a run that would have to be cleaned up.
 * @throws ServerUnreachable, LoginRefused, DatabaseMissing, TlsFailed, ServerBusy
 */
export async function checkDatabaseEarly(database: Database | undefined, signal: AbortSignal): Promise<void> {
  const session = await database?.connect({ applicationName: 'replicator:early', signal });
  await session?.end();
}

/**
 * Does the profile of the restore fit the tables that are to be backed up? Said before hours of work and not after.
 * @throws BadProfile
 */
export async function checkProfileEarly(
  { source, targetProfile }: LocalSurroundings,
  leaveOut: LeaveOut,
  signal: AbortSignal,
): Promise<void> {
  if (source && targetProfile) await checkProfile(targetProfile, source, leaveOut, signal);
}

/**
 * Is a cache there that can be invalidated? Said before hours of work and not after.
 * @throws BadCacheUrl, CacheUnreachable, CacheAccessDenied
 */
export async function checkCacheEarly(
  surroundings: Partial<Pick<LocalSurroundings, 'cache'>> & Pick<LocalSurroundings, 'progress'>,
  signal: AbortSignal,
): Promise<void> {
  const { cache, progress } = surroundings;
  if (cache?.kind === 'redis') await checkCache(cache.url, { ...cache, progress, signal });
}

/**
 * Looks at the target, and asks about it, before a backup that may take hours. PlanRestore looks again.
 * @throws TargetIsSource, TargetUnfit, TargetNotAllowed, ServerUnreachable, LoginRefused, DatabaseMissing,
 *   MediaDirectoryMissing, MediaNotWritable, MediaBucketsOverlap, MediaBucketEmpty
 */
export async function checkTargetEarly(
  surroundings: LocalSurroundings,
  rules: RulesGiven,
  signal: AbortSignal,
): Promise<void> {
  const { target, confirmTarget } = surroundings;
  if (!surroundings.source || !target) return;
  const { checks, hints } = await examineTargetEarly(surroundings, rules, 0, signal);
  const onlyMark = checks.every(({ name, outcome }) => outcome !== 'refused' || name === markCheck);
  refuse(onlyMark ? [] : checks, target);
  await allowTarget(target, confirmTarget, hints, signal);
}

/** What `--allow-older-code` and `--ignore-disk-space` say. */
export type RulesGiven = Parameters<typeof rulesOf>[0];

/**
 * The checks of a target before there is a backup: against the source itself.
 * @param textBytes of the rows to be loaded, as far as is known
 * @throws ServerUnreachable, LoginRefused, DatabaseMissing
 */
export async function examineTargetEarly(
  surroundings: LocalSurroundings,
  rules: RulesGiven,
  textBytes: number,
  signal: AbortSignal,
): Promise<{ checks: readonly Check[]; hints: readonly string[] }> {
  const source = need(surroundings, 'source');
  const runId = newRunId();
  const { checks, hints } = await checkTarget({
    runId,
    target: need(surroundings, 'target'),
    manifestSource: await factsOf(source, runId, signal),
    roles: [],
    tables: undefined,
    textBytes,
    source,
    rules: rulesOf(rules, surroundings),
    scope: 'database',
    signal,
  });
  return { checks: [...checks, ...(await mediaChecks(surroundings, signal))], hints };
}

async function mediaChecks(surroundings: LocalSurroundings, signal: AbortSignal): Promise<readonly Check[]> {
  const { targetMedia, mediaBuckets, store } = surroundings;
  if (mediaBuckets) return tried('media', () => checkMediaBuckets(mediaBuckets, store), signal);
  if (targetMedia === undefined) return [];
  return tried(
    'media',
    async () => {
      await checkMediaTarget(targetMedia);
      if (!surroundings.allowSource) await refuseSameMedia(surroundings);
      return `the entries of ${targetMedia} can be exchanged`;
    },
    signal,
  );
}

async function factsOf(source: Database, runId: string, signal: AbortSignal): Promise<SourceFacts> {
  const session = await source.connect({ applicationName: `replicator:${runId}:early`, signal });
  try {
    return await sourceFacts(session, source.address);
  } finally {
    await session.end();
  }
}

async function refuseSameMedia({ sourceMedia, targetMedia }: LocalSurroundings): Promise<void> {
  if (sourceMedia === undefined || targetMedia === undefined) return;
  if ((await realpath(sourceMedia)) === (await realpath(targetMedia)))
    throw new TargetIsSource(
      `--media and --target-media are the same directory, ${sourceMedia}; check --target-media`,
    );
}
