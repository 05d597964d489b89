import { DamagedBackup } from '../archive/errors.ts';
import type { Manifest } from '../archive/manifest.ts';
import { lookAtBroker } from '../cache/broker/drain-broker.ts';
import { waitingIn } from '../cache/broker/words.ts';
import { DrainNotConfirmed } from '../cache/errors.ts';
import { findProfile } from '../profile/find-profile.ts';
import { backupKey, databaseFile, mediaFile } from '../run/keys.ts';
import { need } from '../run/require.ts';
import type { RestoreOptions, RunState } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { markCheck, refuse } from '../target/check-target.ts';
import { planRebuild } from '../target/rebuild.ts';
import { allowTarget } from '../target/target-mark.ts';
import { type Examination, examine } from './examine.ts';
import { planProfile } from './plan-profile.ts';
import type { RestoreRecord } from './records.ts';
import { Restoring } from './restoring.ts';

export interface PlannedRestore {
  readonly record: RestoreRecord;
  readonly manifest: Manifest;
}

/**
 * Finds the backup and everything that speaks against restoring it here, before anything is built.
 * @throws what is wrong: the backup, the target, its media directory, its cache, the patterns
 */
export async function planRestore(
  run: RunState,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<PlannedRestore> {
  const { store, confirmTarget, signal } = surroundings;
  const target = need(surroundings, 'target');
  const {
    manifest,
    scope,
    tables,
    media,
    checks,
    target: looked,
  } = await examine(run.id, options, surroundings);
  // Whether it may be replaced at all is asked when nothing else is in the way
  refuse(onlyMarkIsMissing(checks) ? [] : checks, target);
  if (!looked) throw new TypeError('a target that was not looked at was let through');
  const { backupId } = manifest;
  const database = await pin(store, backupKey(backupId, databaseFile), manifest.files.database.size);
  const mediaPin = media
    ? await pin(store, backupKey(backupId, mediaFile), manifest.files.media?.size ?? 0)
    : null;
  const record: RestoreRecord = {
    backupId,
    database,
    media: mediaPin,
    scope,
    ...(tables && { tables }),
    rebuild: planRebuild(run.id, looked.facts),
    files: surroundings.targetProfile ? (await findProfile(surroundings.targetProfile)).files.slice() : [],
    notes: checks.flatMap(({ outcome, message }) => (outcome === 'warning' ? [message] : [])),
  };
  const profile = await profileOf(Restoring.of(store, run.id, record, manifest), surroundings);
  await allowTarget(target, confirmTarget, looked.hints, signal);
  if (options.drainBroker) await confirmDrain(surroundings);
  return { record: { ...record, ...(profile && { profile }) }, manifest };
}

async function profileOf(restoring: Restoring, surroundings: Surroundings) {
  const { targetProfile, signal } = surroundings;
  if (!targetProfile) return undefined;
  const texts = { preData: await restoring.preData(signal), postData: await restoring.postData(signal) };
  return planProfile(targetProfile, restoring, texts, surroundings);
}

/** Names what would be removed, and asks where somebody can be asked. */
async function confirmDrain(surroundings: Surroundings): Promise<void> {
  const { confirmDrain: confirm, yes, signal, progress } = surroundings;
  const content = await lookAtBroker(need(surroundings, 'broker'), { signal });
  if (content.tasks === 0) return;
  if (yes || !confirm) return progress.warn(`${waitingIn(content)}; they are removed after the restore`);
  if (await confirm(`${waitingIn(content)}. Remove them after the restore?`)) return;
  throw new DrainNotConfirmed(
    `${waitingIn(content)}; they are removed with --yes, or leave out --drain-broker`,
  );
}

function onlyMarkIsMissing(checks: Examination['checks']): boolean {
  return checks.every(({ name, outcome }) => outcome !== 'refused' || name === markCheck);
}

/** The object's ETag of now; that it is the right object, the checksums of what is read from it prove. */
async function pin(store: ObjectStore, key: string, size: number): Promise<{ key: string; etag: string }> {
  const facts = await store.head(key);
  if (!facts) throw new DamagedBackup(`${store.uri(key)} is missing; use another backup`);
  if (facts.size !== size)
    throw new DamagedBackup(
      `${store.uri(key)} has ${facts.size} bytes, its manifest says ${size}; use another backup`,
    );
  return { key, etag: facts.etag };
}
