import { z } from 'zod';
import { findReport } from '../../functions/report/read-report.ts';
import type { Report } from '../../functions/report/report.ts';
import { RunId } from '../../functions/run/run-id.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import type { RunDisplay, StateTime } from '../progress/run-display.ts';
import { bytes, count, counted, duration } from '../text/quantities.ts';
import { stateLines } from './backup-report.ts';
import { brokerLines, copiedMediaLines, mediaLines, sanitizeLines } from './report-lines.ts';

const amount = z.int().nonnegative();

/** As much of the Restore machine's output as is reported: what AnnounceRestore returns. */
const RestoreOutput = z.object({
  run: z.object({ id: RunId }),
  plan: z.object({ backupId: z.string(), scope: z.enum(['database', 'tables']) }),
  verified: z.object({
    tables: amount,
    rows: amount,
    media: z.object({ files: amount, bytes: amount }).nullable(),
  }),
  switched: z.object({
    notes: z.array(z.string()),
    endedSessions: amount.optional(),
    awayMs: z.number().optional(),
    previous: z.string().optional(),
    keptPrevious: z.boolean().optional(),
  }),
  cache: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('redis'), deleted: amount, remaining: amount }),
      z.object({ kind: z.literal('command'), seconds: z.number() }),
    ])
    .optional(),
  afterRestore: z.object({ seconds: z.number(), output: z.string() }).optional(),
});
type RestoreOutput = z.infer<typeof RestoreOutput>;

/** What a restore came to. */
export interface RestoreOutcome {
  readonly runId: string;
  readonly backupId: string;
  /** `user@host:port/database` */
  readonly target: string;
  /** `tables`: rows of some tables were replaced; `database`: everything was. */
  readonly scope: 'database' | 'tables';
  /** Tables whose rows were restored; those that the backup has without rows are not counted. */
  readonly tables: number;
  readonly rows: number;
  /** null: media stayed as they were. */
  readonly media: { readonly files: number; readonly bytes: number } | null;
  /** null when only some tables were replaced, during which the target stayed in use. */
  readonly switchOver: {
    readonly endedSessions: number;
    /** For how long no session could use the target. */
    readonly awayMilliseconds: number;
    /** Name of the database that was in use before, where it was kept. */
    readonly previousDatabase: string | null;
  } | null;
  readonly cache: RestoreOutput['cache'] | null;
  readonly afterRestore: RestoreOutput['afterRestore'] | null;
  readonly notes: readonly string[];
  readonly milliseconds: number;
  readonly states: readonly StateTime[];
  readonly warnings: readonly string[];
  /** The stored report, as `replicator report` shows it; null: it could not be stored. */
  readonly report: Report | null;
}

/** @param target where the backup was restored into, without password */
export async function restoreOutcome(
  output: unknown,
  target: string,
  store: ObjectStore,
  display: RunDisplay,
): Promise<RestoreOutcome> {
  const { run, plan, verified, switched, cache, afterRestore } = RestoreOutput.parse(output);
  const { endedSessions, awayMs, previous, keptPrevious } = switched;
  return {
    runId: run.id,
    backupId: plan.backupId,
    target,
    scope: plan.scope,
    tables: verified.tables,
    rows: verified.rows,
    media: verified.media,
    switchOver:
      plan.scope === 'tables'
        ? null
        : {
            endedSessions: endedSessions ?? 0,
            awayMilliseconds: awayMs ?? 0,
            previousDatabase: keptPrevious ? (previous ?? null) : null,
          },
    cache: cache ?? null,
    afterRestore: afterRestore ?? null,
    notes: switched.notes,
    milliseconds: display.span('restore'),
    states: display.times('restore'),
    warnings: [...display.warnings],
    report: (await findReport(store, run.id)) ?? null,
  };
}

/** The summary that `restore` ends with. */
export function restoreLines(outcome: RestoreOutcome): string[] {
  const what = outcome.scope === 'tables' ? 'Tables of backup' : 'Backup';
  return [
    `${what} ${outcome.backupId} restored into ${outcome.target} in ${duration(outcome.milliseconds)}`,
    `  ${counted(outcome.rows, 'row')} in ${counted(outcome.tables, 'table')}, counted against the manifest`,
    ...mediaLine(outcome),
    ...switchLines(outcome),
    ...cacheLine(outcome),
    ...(outcome.afterRestore
      ? [`  --after-restore took ${duration(outcome.afterRestore.seconds * 1000)}`]
      : []),
    ...(outcome.report ? sanitizeLines(outcome.report.sections.Sanitize) : []),
    ...(outcome.report ? mediaLines(outcome.report.sections.CompareMedia) : []),
    ...(outcome.report ? brokerLines(outcome.report.sections.DrainBroker) : []),
    ...outcome.notes.map((note) => `  note: ${note}`),
    ...(outcome.report ? [`  report: replicator report ${outcome.runId} --store …`] : []),
    '',
    ...stateLines(outcome.states),
  ];
}

function mediaLine({ media, scope, report }: RestoreOutcome): string[] {
  const copied = copiedMediaLines(report?.sections.CopyMedia);
  if (copied.length > 0) return copied;
  if (media) return [`  ${counted(media.files, 'media file')}, ${bytes(media.bytes)}`];
  return scope === 'tables' ? [] : ['  no media restored'];
}

function switchLines({ switchOver }: RestoreOutcome): string[] {
  if (!switchOver) return ['  replaced in one transaction; the rest of the target is as it was'];
  const { endedSessions, awayMilliseconds, previousDatabase } = switchOver;
  return [
    `  switched over within ${duration(awayMilliseconds)}; ${counted(endedSessions, 'session')} of the old database ended`,
    previousDatabase === null
      ? '  what was in use before is dropped'
      : `  what was in use before is kept as database ${previousDatabase}; replicator undo brings it back`,
  ];
}

function cacheLine({ cache }: RestoreOutcome): string[] {
  if (!cache) return [];
  if (cache.kind === 'command') return [`  cache: the command took ${duration(cache.seconds * 1000)}`];
  const left = cache.remaining > 0 ? `, ${count(cache.remaining)} are there again` : '';
  return [`  cache: ${counted(cache.deleted, 'key')} deleted${left}`];
}
