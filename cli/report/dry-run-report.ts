import type { RestoreDryRun } from '../../functions/restore/dry-run.ts';
import type { CheckEntry } from '../../functions/run/check.ts';
import { bytes, counted, duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';

/** What `restore --dry-run` finds; with `--json` as it is. */
export interface DryRunOfRestore extends RestoreDryRun {
  /** That the restore would take, by the model of docs/sizes.md. */
  readonly seconds: number;
}

export function restoreDryRunLines(found: DryRunOfRestore): string[] {
  const { source, target, scope, hidden, media } = found;
  const how =
    scope === 'tables'
      ? 'rows of these tables would be replaced in one transaction, the rest stays'
      : `built as ${hidden ?? 'a database beside it'}, then exchanged with it`;
  return [
    'Dry run: nothing was built or changed',
    `  backup ${found.backupId} of ${placeText(source)}, as of ${moment(found.snapshotAt)}`,
    `  into ${placeText(target)}: ${how}`,
    `  ${counted(found.rows, 'row')} in ${counted(found.tables, 'table')}, ${bytes(found.bytes)} as text`,
    media ? `  ${counted(media.files, 'media file')}, ${bytes(media.bytes)}` : '  no media',
    `  about ${duration(found.seconds * 1000)}`,
    '',
    ...checkLines(found.checks),
    '',
    found.possible ? 'nothing speaks against it' : refusal(found.checks, found.exitCode),
  ];
}

type Place = RestoreDryRun['target'];

/** What `backup --dry-run`, or `replicate --dry-run`, finds; with `--json` as it is. */
export interface DryRunOfBackup {
  readonly dryRun: true;
  readonly source: Place;
  /** null: a backup alone. */
  readonly target: Place | null;
  readonly tables: number;
  readonly definitionOnly: number;
  /** Of rows as text, and of what would lie in S3: by the model of docs/sizes.md. */
  readonly bytes: number;
  readonly storedBytes: number;
  readonly media: { readonly files: number; readonly bytes: number } | null;
  readonly seconds: { readonly backup: number; readonly restore: number | null };
  readonly checks: readonly CheckEntry[];
  readonly possible: boolean;
  /** What the run would end with now; 0: it would begin. */
  readonly exitCode: number;
}

export function backupDryRunLines(found: DryRunOfBackup): string[] {
  const { source, target, media, seconds } = found;
  const restore = seconds.restore === null ? '' : `, the restore about ${duration(seconds.restore * 1000)}`;
  return [
    'Dry run: nothing was read out, built or changed',
    `  backup of ${placeText(source)}${target ? `, restored into ${placeText(target)}` : ''}`,
    `  ${counted(found.tables, 'table')}, about ${bytes(found.bytes)} as text, ${bytes(found.storedBytes)} in S3`,
    ...(found.definitionOnly > 0 ? [`  ${counted(found.definitionOnly, 'table')} without rows`] : []),
    media ? `  ${counted(media.files, 'media file')}, ${bytes(media.bytes)}` : '  no media',
    `  the backup would take about ${duration(seconds.backup * 1000)}${restore}`,
    '',
    ...checkLines(found.checks),
    '',
    found.possible ? 'nothing speaks against it' : refusal(found.checks, found.exitCode),
  ];
}

function placeText({ host, port, database }: Place): string {
  return `${database} on ${host}:${port}`;
}

/** A line a check, in the order in which they were made. */
export function checkLines(checks: readonly CheckEntry[]): string[] {
  return tableLines(
    [{ title: '  RESULT' }, { title: 'CHECK' }, { title: 'FOUND' }],
    checks.map(({ name, outcome, message }) => [`  ${outcome}`, name, message]),
  );
}

/** How a run that was refused would end. */
export function refusal(checks: readonly CheckEntry[], exitCode: number): string {
  const refused = checks.filter(({ outcome }) => outcome === 'refused').length;
  return `${counted(refused, 'check')} would refuse it, with exit code ${exitCode}`;
}
