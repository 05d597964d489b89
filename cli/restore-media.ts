import { latestBackup } from '../functions/archive/list-backups.ts';
import { readManifest } from '../functions/archive/read-manifest.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { checkMediaTarget } from '../functions/media/target.ts';
import { beginRun } from '../functions/recovery/begin-run.ts';
import { cleanUpRun } from '../functions/recovery/clean-up-run.ts';
import { leaveSection } from '../functions/report/leave-section.ts';
import { rulesOf } from '../functions/restore/examine.ts';
import { restoreMedia } from '../functions/restore/restore-media.ts';
import { need } from '../functions/run/require.ts';
import { newRunId } from '../functions/run/run-id.ts';
import { checkTarget, markCheck, refuse } from '../functions/target/check-target.ts';
import { allowTarget } from '../functions/target/target-mark.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';
import type { Io } from './io.ts';
import type { RunDisplay } from './progress/run-display.ts';
import { withoutMachine } from './surroundings.ts';
import { bytes, counted } from './text/quantities.ts';

/** What a restore of some media came to. */
export interface RestoredMediaOutcome {
  readonly runId: string;
  readonly backupId: string;
  readonly media: string;
  readonly patterns: readonly string[];
  readonly replaced: number;
  readonly added: number;
  readonly bytes: number;
  readonly warnings: readonly string[];
}

export interface MediaRequest {
  readonly backup: string;
  readonly media: string | undefined;
  readonly mediaOnly: readonly string[];
  readonly excludeMedia: readonly string[];
  readonly jobs: number;
  readonly allowOlderCode: boolean;
  readonly ignoreDiskSpace: boolean;
}

/**
 * Puts some files of a backup in the place of those of the same names in a media directory that stays in use; database
 * and all other files are as they were. The target is checked, marked and locked as for any restore.
 * @throws every error of docs/errors.md that a restore can end with
 */
export async function restoreMediaOnly(
  request: MediaRequest,
  local: LocalSurroundings,
  io: Io,
  display: RunDisplay,
): Promise<RestoredMediaOutcome> {
  const { media, mediaOnly: only, excludeMedia: exclude, jobs } = request;
  if (media === undefined)
    throw new UsageError('--media-only needs the directory: give --media DIR, the media of the target');
  const { signal } = io;
  const around = withoutMachine(local, io);
  const { store, confirmTarget } = around;
  const target = need(around, 'target');
  const startedAt = new Date().toISOString();
  const runId = newRunId(startedAt);
  const backupId = request.backup === 'latest' ? await latestBackup(store) : request.backup;
  const manifest = await readManifest(store, backupId);
  const { checks, hints } = await checkTarget({
    runId,
    target,
    manifestSource: manifest.source,
    roles: [],
    textBytes: 0,
    tables: [],
    source: around.source,
    rules: rulesOf({ ...request, dropPrevious: false }, around),
    scope: 'tables',
    signal,
  });
  refuse(
    checks.filter(({ name }) => name !== markCheck),
    target,
  );
  await checkMediaTarget(media);
  await allowTarget(target, confirmTarget, hints, signal);
  await beginRun({ id: runId, kind: 'restore', startedAt }, { keepPrevious: false }, around);
  let outcome = 'failed';
  try {
    await leaveSection(store, runId, 'PlanRestore', { backupId, scope: 'media' });
    const restored = await restoreMedia(store, {
      ...{ runId, manifest, media, only, exclude, jobs, signal },
      progress: display,
    });
    await leaveSection(store, runId, 'RestoreMedia', { patterns: only, ...restored });
    outcome = 'restored';
    return { runId, backupId, media, patterns: only, ...restored, warnings: [...display.warnings] };
  } finally {
    await cleanUpRun(runId, { ...around, outcome }).catch((error: unknown) => display.warn(String(error)));
  }
}

/** What `restore --media-only` ends with. */
export function restoredMediaLines(outcome: RestoredMediaOutcome): string[] {
  const { backupId, media, replaced, added, runId } = outcome;
  return [
    `Media of backup ${backupId} named by ${outcome.patterns.join(', ')} restored into ${media}`,
    `  ${counted(replaced, 'file')} replaced, ${counted(added, 'file')} added, ${bytes(outcome.bytes)}; all else is as it was`,
    `  report: replicator report ${runId} --store …`,
  ];
}
