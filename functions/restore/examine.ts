import { latestBackup } from '../archive/list-backups.ts';
import type { Manifest, TableEntry } from '../archive/manifest.ts';
import { readManifest } from '../archive/read-manifest.ts';
import { type BrokerContent, lookAtBroker } from '../cache/broker/drain-broker.ts';
import { waitingIn } from '../cache/broker/words.ts';
import { readPostData } from '../definitions/post-data.ts';
import { checkMediaBuckets } from '../media/buckets/check-buckets.ts';
import { checkMediaRoom } from '../media/room.ts';
import { checkMediaTarget } from '../media/target.ts';
import { type Check, tried, warning } from '../run/check.ts';
import { need } from '../run/require.ts';
import type { RunId } from '../run/run-id.ts';
import type { RestoreOptions } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { checkTarget, type TargetCheck, type TargetRules } from '../target/check-target.ts';
import { planRebuild } from '../target/rebuild.ts';
import { cacheChecks } from './cache-checks.ts';
import { chooseTables } from './choose-tables.ts';
import { mediaRulesOf } from './media-rules.ts';
import { pinFiles } from './pin-files.ts';
import { planProfile } from './plan-profile.ts';
import type { RestoreRecord } from './records.ts';
import { cacheServersOf, chosenTables, Restoring } from './restoring.ts';

/** What was found before a restore. */
export interface Examination {
  readonly manifest: Manifest;
  readonly scope: 'database' | 'tables';
  /** Entries whose rows would be loaded. */
  readonly entries: readonly TableEntry[];
  /** Media would be restored. */
  readonly media: boolean;
  readonly checks: readonly Check[];
  /** undefined: the target could not be looked at, and a check says why. */
  readonly target: TargetCheck | undefined;
  /** What waits in the broker that is to be drained; undefined: it isn't, or could not be looked at. */
  readonly waiting: BrokerContent | undefined;
  /** What every state will go by; undefined: the target could not be looked at. */
  readonly record: RestoreRecord | undefined;
}

/**
 * Finds the backup and everything that speaks against restoring it here, all at once; changes nothing.
 * @throws what is wrong with the backup or the patterns; all else are refusals among the checks
 */
export async function examine(
  runId: RunId,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<Examination> {
  const { store, source, signal } = surroundings;
  const target = need(surroundings, 'target');
  const backupId = options.backup === 'latest' ? await latestBackup(store) : options.backup;
  const manifest = await readManifest(store, backupId);
  const tables = options.tables.length > 0 ? chooseTables(manifest, options.tables) : undefined;
  const scope: Examination['scope'] = tables ? 'tables' : 'database';
  const entries = chosenTables(manifest, { ...(tables && { tables }) });
  let looked: TargetCheck | undefined;
  const connection = await tried(
    'connection',
    async () => {
      looked = await checkTarget({
        runId,
        target,
        manifestSource: manifest.source,
        roles: manifest.definitions.roles,
        tables: entries,
        textBytes: entries.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
        source,
        rules: rulesOf(options, surroundings),
        scope,
        signal,
      });
      return 'the server answers and lets the role in';
    },
    signal,
  );
  const media = await checkMedia(manifest, scope, options, surroundings);
  const files = await pinFiles(store, manifest, media.restored);
  const record = looked && {
    backupId,
    ...files,
    copiesMedia: scope === 'database' && surroundings.mediaBuckets !== undefined,
    scope,
    ...(tables && { tables }),
    rebuild: planRebuild(runId, looked.facts),
    ...(await mediaRulesOf(options, surroundings)),
    notes: [],
  };
  const profile = await checkProfile(record, manifest, runId, surroundings);
  // What comes after the switch-over: said before hours of work and not after
  if (options.afterRestore) need(surroundings, 'afterRestore');
  const broker = await checkBroker(options, manifest, surroundings);
  const checks = [
    ...connection,
    ...(looked?.checks ?? []),
    ...media.checks,
    ...profile.checks,
    ...broker.checks,
    ...(options.invalidateCache ? await cacheChecks(need(surroundings, 'cache'), { signal }) : []),
  ];
  return {
    manifest,
    scope,
    entries,
    media: media.restored,
    checks,
    target: looked,
    waiting: broker.content,
    record: record && {
      ...record,
      ...(profile.planned && { profile: profile.planned }),
      notes: checks.flatMap(({ outcome, message }) => (outcome === 'warning' ? [message] : [])),
    },
  };
}

/** Does the profile fit what is restored? */
async function checkProfile(
  record: RestoreRecord | undefined,
  manifest: Manifest,
  runId: RunId,
  surroundings: Surroundings,
): Promise<{ planned: RestoreRecord['profile']; checks: readonly Check[] }> {
  const { targetProfile, store, signal } = surroundings;
  if (!targetProfile || !record) return { planned: undefined, checks: [] };
  const restoring = Restoring.of(store, runId, record, manifest);
  let planned: RestoreRecord['profile'];
  const checks = await tried(
    'profile',
    async () => {
      const texts = {
        preData: await restoring.preData(signal),
        postData: await readPostData(await restoring.postData(signal)),
      };
      planned = await planProfile(targetProfile, restoring, texts, surroundings);
      return 'every table, column and expression of it fits the backup';
    },
    signal,
  );
  return { planned, checks };
}

export function rulesOf(
  options: Pick<RestoreOptions, 'allowOlderCode' | 'ignoreDiskSpace' | 'dropPrevious'>,
  { allowSource, allowedTargets, yes }: Pick<Surroundings, 'allowSource' | 'allowedTargets' | 'yes'>,
): TargetRules {
  return {
    allowSource,
    allowOlder: options.allowOlderCode,
    ignoreDisk: options.ignoreDiskSpace,
    dropPrevious: options.dropPrevious,
    yes: yes ?? false,
    allowedTargets,
  };
}

async function checkMedia(
  manifest: Manifest,
  scope: Examination['scope'],
  options: RestoreOptions,
  { targetMedia: directory, mediaBuckets, store, signal }: Surroundings,
): Promise<{ restored: boolean; checks: readonly Check[] }> {
  const name = 'media';
  const { media } = manifest;
  if (scope === 'tables') return { restored: false, checks: [] };
  if (mediaBuckets) {
    const places = await tried(name, () => checkMediaBuckets(mediaBuckets, store), signal);
    if (typeof media === 'string') return { restored: false, checks: places };
    const left = `the backup's ${media.files} media files are not restored: media come from ${mediaBuckets.from.uri('')}`;
    return { restored: false, checks: [...places, warning(name, left)] };
  }
  if (typeof media === 'string') {
    const kept = `the backup has no media (${media}): ${directory} is left as it is`;
    return { restored: false, checks: directory === undefined ? [] : [warning(name, kept)] };
  }
  if (directory === undefined) {
    const left = `the backup's ${media.files} media files are not restored: no --media directory was given`;
    return { restored: false, checks: [warning(name, left)] };
  }
  const writable = await tried(
    name,
    async () => {
      await checkMediaTarget(directory);
      return `the entries of ${directory} can be exchanged`;
    },
    signal,
  );
  const isThere = writable.every(({ outcome }) => outcome === 'ok');
  const room = () => checkMediaRoom(directory, media.bytes, options.ignoreDiskSpace);
  return {
    restored: true,
    checks: [...writable, ...(isThere ? await tried('media-disk', room, signal) : [])],
  };
}

async function checkBroker(
  options: RestoreOptions,
  manifest: Manifest,
  surroundings: Surroundings,
): Promise<{ content: BrokerContent | undefined; checks: readonly Check[] }> {
  if (!options.drainBroker) return { content: undefined, checks: [] };
  const broker = need(surroundings, 'broker');
  const { signal } = surroundings;
  let content: BrokerContent | undefined;
  const look = async () => {
    content = await lookAtBroker(broker, { signal, sources: cacheServersOf(manifest) });
    return waitingIn(content);
  };
  const checks = await tried('broker', look, signal);
  return { content, checks };
}
