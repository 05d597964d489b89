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
    `  backup ${found.backupId} of ${source.database} on ${source.host}:${source.port}, as of ${moment(found.snapshotAt)}`,
    `  into ${target.database} on ${target.host}:${target.port}: ${how}`,
    `  ${counted(found.rows, 'row')} in ${counted(found.tables, 'table')}, ${bytes(found.bytes)} as text`,
    media ? `  ${counted(media.files, 'media file')}, ${bytes(media.bytes)}` : '  no media',
    `  about ${duration(found.seconds * 1000)}`,
    '',
    ...checkLines(found.checks),
    '',
    found.possible ? 'nothing speaks against it' : refusal(found.checks, found.exitCode),
  ];
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
