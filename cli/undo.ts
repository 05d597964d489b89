import type { CacheOutcome } from '../functions/cache/invalidate.ts';
import { invalidate } from '../functions/cache/invalidate.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { describeAddress } from '../functions/postgres/address.ts';
import { openDatabase } from '../functions/postgres/database.ts';
import { beginRun } from '../functions/recovery/begin-run.ts';
import { cleanUpRun } from '../functions/recovery/clean-up-run.ts';
import { inUseAlready } from '../functions/restore/in-use-already.ts';
import { allowedTargets } from '../functions/run/allowed.ts';
import { environment as names } from '../functions/run/environment-names.ts';
import { newRunId, type RunId } from '../functions/run/run-id.ts';
import type { CacheSettings } from '../functions/run/surroundings.ts';
import { dropKept } from '../functions/undo/drop-kept.ts';
import { findKept, withSessionBeside } from '../functions/undo/find-kept.ts';
import { planUndo, type UndoRequest } from '../functions/undo/plan-undo.ts';
import { undo as exchange } from '../functions/undo/undo.ts';
import { checkCacheEarly, checkDatabaseEarly } from './check-early.ts';
import { confirm } from './confirm.ts';
import { NotConfirmed } from './errors.ts';
import type { Io } from './io.ts';
import type { Options, OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { RunDisplay } from './progress/run-display.ts';
import { printResult } from './report/print-result.ts';
import {
  droppedLines,
  type KeptList,
  keptLines,
  questionOf,
  type UndoOutcome,
  undoLines,
} from './report/undo-report.ts';
import { cacheOf, surroundingsOf, withoutMachine } from './surroundings.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = {
  target: {
    ...option.target,
    help: 'Database in use: what it was before comes back. Written as for restore.',
  },
  media: { ...option.targetMedia, help: "The target's media directory, whose files the restore exchanged." },
  withoutMedia: option.withoutMedia,
  store: option.optionalStore,
  run: option.keptRun,
  list: option.listKept,
  drop: option.dropKept,
  invalidateCache: option.invalidateTargetCache,
  invalidateCommand: option.invalidateCommand,
  cacheKeyPrefix: option.cacheKeyPrefix,
  yes: option.yes,
  json: option.json,
  quiet: option.quiet,
};
type Chosen = Options<typeof options>;

export const undoVerb: Verb = {
  name: 'undo',
  summary: 'Go back to what was in use before a restore',
  usage: '--target URL [--media DIR] [--run ID | --list | --drop ID|all] [options]',
  details: [
    'Brings the database and media back that restore --keep-previous has kept, and keeps those that are in use now: an undo can be undone by another.',
    'Kept databases and media take as much room as those in use, until --drop or restore --drop-previous removes them.',
  ],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 0);
    const chosen = validateOptions(options, written.values, io.environment);
    if (chosen.list) {
      const found = await listKept(chosen, io);
      printResult(io, chosen, { kept: found }, keptLines(found));
    } else if (chosen.drop !== undefined) {
      const dropped = await drop(chosen, io);
      printResult(io, chosen, { dropped }, droppedLines(dropped));
    } else {
      const outcome = await undo(chosen, io);
      printResult(io, chosen, { undo: outcome }, undoLines(outcome));
    }
    return 0;
  },
};

/** What there is to go back to. @throws what connecting throws, MediaDirectoryMissing */
export async function listKept(given: OptionsInput<typeof options>, io: Io): Promise<KeptList> {
  const chosen = validateOptions(options, given, io.environment);
  const target = await openDatabase(chosen.target, '--target');
  const found = await withSessionBeside(target, newRunId(), io.signal, (session) =>
    findKept(session, target.address.database, chosen.media),
  );
  return { target: describeAddress(target.address), ...found };
}

/**
 * Removes what is kept, and nothing else.
 * @throws NothingKept, TargetNotListed, TargetNotAllowed, TargetUnfit, NotConfirmed
 */
export async function drop(given: OptionsInput<typeof options>, io: Io): Promise<readonly RunId[]> {
  const chosen = validateOptions(options, given, io.environment);
  const which = chosen.drop ?? 'all';
  return withDisplay(chosen, io, async (display) => {
    const request = await requestOf(chosen, io);
    return locked(chosen, request, io, display, () =>
      dropKept(request, which, (ids) =>
        confirmed(
          `Remove for good what ${ids.join(', ')} kept of ${describeAddress(request.target.address)}?`,
          chosen,
          io,
          display,
        ),
      ),
    );
  });
}

/**
 * Goes back to what was in use before.
 * @throws every error of docs/errors.md that an undo can end with
 */
export async function undo(given: OptionsInput<typeof options>, io: Io): Promise<UndoOutcome> {
  const chosen = validateOptions(options, given, io.environment);
  if (chosen.media !== undefined && chosen.withoutMedia)
    throw new UsageError('--media and --without-media exclude each other; give one of them');
  const cache = await cacheOf(chosen, io);
  return withDisplay(chosen, io, async (display) => {
    const request = await requestOf(chosen, io);
    const { target, media } = request;
    await checkDatabaseEarly(target, io.signal);
    await checkCacheEarly({ ...(cache && { cache }), progress: display }, io.signal);
    const outcome = await locked(chosen, request, io, display, async () => {
      const plan = await withSessionBeside(target, request.runId, io.signal, (session) =>
        planUndo(session, request),
      );
      for (const runId of plan.finished)
        display.warn(`undo ${runId} had been cut off; it is finished now, and this one would undo it`);
      await confirmed(questionOf(target.address, plan), chosen, io, display);
      const { kept, current } = plan;
      const undone = await exchange(target, {
        runId: request.runId,
        undoes: kept.runId,
        media,
        signal: io.signal,
      });
      return { runId: request.runId, kept, current, undone };
    });
    const invalidated = cache && (await afterwards(cache, io, display));
    const { undone, kept } = outcome;
    return {
      target: describeAddress(target.address),
      runId: outcome.runId,
      undone: kept.runId,
      restored: kept.restored ?? null,
      media: media !== undefined,
      kept: undone.kept,
      endedSessions: undone.endedSessions,
      awayMilliseconds: undone.awayMs,
      cache: invalidated ?? null,
      notes: undone.notes,
      warnings: [...display.warnings],
    };
  });
}

function afterwards(cache: CacheSettings, { signal }: Io, progress: RunDisplay): Promise<CacheOutcome> {
  return inUseAlready({ progress, signal }, () => invalidate(cache, { signal, progress }));
}

async function withDisplay<T>(chosen: Chosen, io: Io, work: (display: RunDisplay) => Promise<T>): Promise<T> {
  const display = new RunDisplay(io, chosen.quiet);
  try {
    return await work(display);
  } finally {
    display.end();
  }
}

async function requestOf(chosen: Chosen, io: Io): Promise<UndoRequest> {
  return {
    runId: newRunId(),
    target: await openDatabase(chosen.target, '--target'),
    undoes: chosen.run,
    media: chosen.media,
    withoutMedia: chosen.withoutMedia,
    allowedTargets: allowedTargets(io.environment[names.allowedTargets], names.allowedTargets),
    signal: io.signal,
  };
}

/** With a store, no restore into the target begins meanwhile, and what a dead one has left there is gone before. */
async function locked<T>(
  chosen: Chosen,
  { runId }: UndoRequest,
  io: Io,
  display: RunDisplay,
  work: () => Promise<T>,
): Promise<T> {
  if (chosen.store === undefined) return work();
  const places = { store: chosen.store, target: chosen.target, targetMedia: chosen.media };
  const around = withoutMachine(await surroundingsOf(places, io, display), io);
  const run = { id: runId, kind: 'undo' as const, startedAt: new Date().toISOString() };
  await beginRun(run, { keepPrevious: true }, around);
  try {
    return await work();
  } finally {
    await cleanUpRun(runId, around).catch((error: unknown) => display.warn(String(error)));
  }
}

/** @throws NotConfirmed */
async function confirmed(question: string, chosen: Chosen, io: Io, display: RunDisplay): Promise<void> {
  if (chosen.yes || (await display.pauseFor(() => confirm(question, io)))) return;
  throw new NotConfirmed(`nobody has said yes to this: ${question} Say --yes`);
}
