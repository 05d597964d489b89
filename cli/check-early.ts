import { realpath } from 'node:fs/promises';
import type { SourceFacts } from '../functions/archive/manifest.ts';
import { checkCache } from '../functions/cache/invalidate-redis.ts';
import { checkMediaTarget } from '../functions/media/target.ts';
import type { Database } from '../functions/postgres/session.ts';
import { runIdOf } from '../functions/run/run-id.ts';
import { sourceFacts } from '../functions/snapshot/source-facts.ts';
import { checkTarget } from '../functions/target/check-target.ts';
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
 * Is a cache there that can be invalidated? Said before hours of work and not after.
 * @throws BadCacheUrl, CacheUnreachable, CacheAccessDenied
 */
export async function checkCacheEarly(surroundings: LocalSurroundings, signal: AbortSignal): Promise<void> {
  const { cache, progress } = surroundings;
  if (cache?.kind === 'redis') await checkCache(cache.url, { ...cache, progress, signal });
}

/**
 * Looks at the target, and asks about it, before a backup that may take hours. PlanRestore looks again.
 * @throws TargetIsSource, TargetUnfit, TargetNotAllowed, ServerUnreachable, LoginRefused, DatabaseMissing,
 *   MediaDirectoryMissing, MediaNotWritable
 */
export async function checkTargetEarly(surroundings: LocalSurroundings, signal: AbortSignal): Promise<void> {
  const { source, target, allowSource, confirmTarget } = surroundings;
  if (!source || !target) return;
  const runId = runIdOf(`early ${process.pid}`, new Date().toISOString());
  const { hints } = await checkTarget({
    runId,
    target,
    manifestSource: await factsOf(source, runId, signal),
    roles: [],
    source,
    allowSource,
    scope: 'database',
    signal,
  });
  if (surroundings.targetMedia !== undefined) await checkMediaTarget(surroundings.targetMedia);
  if (!allowSource) await refuseSameMedia(surroundings);
  await allowTarget(target, confirmTarget, hints, signal);
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
