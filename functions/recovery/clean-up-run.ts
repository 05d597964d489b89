import { lstat } from 'node:fs/promises';
import { errorOf } from '../errors/replicator-error.ts';
import { freeLocks } from '../locks/run-lock.ts';
import { findLeftovers } from '../media/finish.ts';
import type { Database } from '../postgres/session.ts';
import { storeReport } from '../report/store-report.ts';
import { backupKey, manifestFile, restorePlanKey, runKey } from '../run/keys.ts';
import type { Progress } from '../run/progress.ts';
import type { RunId } from '../run/run-id.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { endSessionsOf } from '../snapshot/release.ts';
import { StoreAccessDenied } from '../store/errors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { cleanUpTarget } from '../target/clean-up-target.ts';
import { realMedia } from './real-media.ts';
import { type RunRecord, readRecord, recordKey } from './run-record.ts';
import { settleMedia } from './settle-switch-over.ts';

export class CleanUpIncomplete extends errorOf({
  code: 'CleanUpIncomplete',
  exitCode: 1,
  meaning:
    'Something that a run left could not be removed; the message names it. The next run on the same source or target tries again.',
}) {}

interface Around extends Pick<Surroundings, 'store' | 'source' | 'target' | 'targetMedia' | 'progress'> {
  /** The database that the asking run has locked, known by that lock whatever the dead run called it. */
  readonly here?: { readonly database: Database; readonly identity: string };
  /** What the run ended with; without it, it died. */
  readonly outcome?: string;
}

/**
 * Stores a restore's report and removes all else that a run left, found by its id alone: sessions, hidden database, built media, uploads, working objects
 * and what it had put together without sealing, then its locks and at last its record. Repeatable; a sealed backup and
 * a target in use are never touched. What belongs to a server that these surroundings don't name is left for a run
 * that does, and the record with it.
 * @throws CleanUpIncomplete after everything that could be removed is
 */
export async function cleanUpRun(runId: RunId, around: Around): Promise<void> {
  const { store, progress } = around;
  const record = await readRecord(store, runId);
  await reportRun(record, around);
  const failures: unknown[] = [];
  const attempt = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      failures.push(error);
      progress.warn(
        `clean-up of run ${runId}: ${what}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  };
  const here = record?.identity === around.here?.identity ? around.here?.database : undefined;
  const source = (record?.source && here) ?? matching(around.source, record?.source);
  const target = (record?.target && here) ?? matching(around.target, record?.target);
  if (source)
    await attempt('its sessions at the source', async () => void (await endSessionsOf(source, runId)));
  const keepPrevious = record?.keepPrevious ?? true;
  // Whether media go forward or back, the database says: without it they are left to a run that reaches both
  const media = record?.target && !target ? undefined : await mediaOf(record, around.targetMedia);
  // A directory that is not there is what refused the run before it had touched any
  const built = record?.kind === 'undo' || (await store.head(restorePlanKey(runId))) !== undefined;
  if (media !== undefined && (built || (await isThere(media))))
    await attempt('its media', () => settleMedia(target, media, { id: runId, keepPrevious }));
  if (target)
    await attempt('its database', async () => void (await cleanUpTarget(target, { runId, keepPrevious })));
  await attempt('its unsealed files', () => removeUnsealed(store, runId, progress));
  await attempt('its working objects', () => removeWorkingObjects(store, runId, failures.length > 0));
  const elsewhere = await leftElsewhere(record, { source, target, media }, runId);
  if (failures.length > 0)
    throw new CleanUpIncomplete(
      `run ${runId} left something that could not be removed: ${messages(failures)}`,
      {
        cause: failures[0],
      },
    );
  await freeLocks(store, runId);
  if (!elsewhere) await store.remove([recordKey(runId)]);
}

/** A report that can't be written keeps nobody's lock. */
async function reportRun(record: RunRecord | undefined, { store, progress, outcome }: Around): Promise<void> {
  if (record?.kind !== 'restore') return;
  try {
    await storeReport(store, { ...record, outcome: outcome ?? 'died' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    progress.warn(`the report of restore ${record.runId} could not be stored: ${why}`);
  }
}

/** A database that is the one in the record, or any when there is no record. */
function matching(
  database: Database | undefined,
  place: RunRecord['source'] | undefined,
): Database | undefined {
  if (!database || place === null) return undefined;
  const { host, port, database: name } = database.address;
  if (place && (place.host !== host || place.port !== port || place.database !== name)) return undefined;
  return database;
}

async function mediaOf(
  record: RunRecord | undefined,
  given: string | undefined,
): Promise<string | undefined> {
  return record && record.targetMedia !== ((await realMedia(given)) ?? null) ? undefined : given;
}

/** Does the run have something on a source or target that these surroundings don't reach? */
async function leftElsewhere(
  record: RunRecord | undefined,
  reached: {
    readonly source: Database | undefined;
    readonly target: Database | undefined;
    readonly media: string | undefined;
  },
  runId: RunId,
): Promise<boolean> {
  if (!record) return false;
  if (record.kind === 'backup') return record.source !== null && !reached.source;
  if (record.target && !reached.target) return true;
  if (record.targetMedia === null || reached.media !== undefined) return false;
  const left = await findLeftovers(record.targetMedia).catch(() => []);
  return left.some((leftover) => leftover.runId === runId && leftover.state !== 'kept');
}

/**
 * Put together, but without a manifest: no backup. On AWS no handler may delete under `backups/`, for a policy can't
 * tell sealed from unsealed (conditions on an object's tags don't apply to its deletion): then it is left, and told.
 */
async function removeUnsealed(store: ObjectStore, runId: RunId, progress: Progress): Promise<void> {
  await abortUploads(store, backupKey(runId, ''));
  if (await store.head(backupKey(runId, manifestFile))) return;
  try {
    await removeAll(store, backupKey(runId, ''), () => true);
  } catch (error) {
    if (!(error instanceof StoreAccessDenied)) throw error;
    progress.warn(
      `${store.uri(backupKey(runId, ''))} has files of a backup that was never sealed, and this identity may not delete them; they are of no use: remove them with one that may`,
    );
  }
}

/** @param unfinished something is left elsewhere: what says so stays */
async function removeWorkingObjects(store: ObjectStore, runId: RunId, unfinished: boolean): Promise<void> {
  await abortUploads(store, runKey(runId, ''));
  const kept = [recordKey(runId), ...(unfinished ? [restorePlanKey(runId)] : [])];
  await removeAll(store, runKey(runId, ''), (key) => !kept.includes(key));
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

async function abortUploads(store: ObjectStore, under: string): Promise<void> {
  for (const upload of await store.listUploads(under)) await store.abortUpload(upload);
}

async function removeAll(store: ObjectStore, under: string, chosen: (key: string) => boolean): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(under)) if (chosen(key)) keys.push(key);
  if (keys.length > 0) await store.remove(keys);
}

function messages(failures: readonly unknown[]): string {
  return failures.map((error) => (error instanceof Error ? error.message : String(error))).join('; ');
}
