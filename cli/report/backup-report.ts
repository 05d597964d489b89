import type { MediaLeftOut } from '../../functions/run/media-comparison.ts';
import type { StateTime } from '../progress/run-display.ts';
import { bytes, count, counted, duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import type { BackupSummary } from './summary.ts';

/** Names that one line lists. */
const mostNames = 10;

/** What a backup came to. */
export interface BackupOutcome extends BackupSummary {
  readonly milliseconds: number;
  readonly states: readonly StateTime[];
  readonly warnings: readonly string[];
}

/** The summary that `backup` ends with. */
export function backupLines(outcome: BackupOutcome): string[] {
  return [
    `Backup ${outcome.backupId} in ${duration(outcome.milliseconds)}`,
    ...contentLines(outcome),
    '',
    ...stateLines(outcome.states),
  ];
}

/** Where a backup is, of what and when, and what is in it and what isn't. */
export function contentLines(summary: BackupSummary): string[] {
  const { source, media } = summary;
  const contents: Readonly<Record<string, string>> = {
    'database.sql.zst': `${counted(summary.tables, 'table')}, ${counted(summary.rows, 'row')}, ${bytes(summary.rowBytes)} as text`,
    'schema.sql': 'definitions only',
    'media.tar.zst': media
      ? `${counted(media.files, 'file')}, ${counted(media.directories, 'directory', 'directories')}, ${bytes(media.bytes)}`
      : '',
  };
  const files = summary.files.map((file) => [`  ${file.name}`, bytes(file.bytes), contents[file.name] ?? '']);
  return [
    `  ${summary.uri}`,
    `  of ${source.database} on ${source.host}:${source.port} (PostgreSQL ${source.serverVersion}), as of ${moment(summary.snapshotAt)}`,
    '',
    ...tableLines([{ title: '' }, { title: '', right: true }, { title: '' }], files),
    ...leftOutLines(summary),
    ...profileLines(summary),
    ...summary.notes.map((note) => `  note: ${note}`),
  ];
}

function leftOutLines({ leftOut }: BackupSummary): string[] {
  return [
    ...(leftOut.allRows ? ['  left out: all rows (--schema-only)'] : []),
    ...(leftOut.rowsOf.length > 0 ? [`  left out: rows of ${some(leftOut.rowsOf)}`] : []),
    ...(leftOut.tables.length > 0 ? [`  left out: ${some(leftOut.tables)}`] : []),
    ...(leftOut.mediaFiles ? [mediaLeftOutLine(leftOut.mediaFiles)] : []),
    ...(leftOut.media ? [`  no media: ${leftOut.media}`] : []),
  ];
}

/** Enough of them to see which; --json has all. */
function some(names: readonly string[]): string {
  const more = names.length - mostNames;
  return `${names.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

function profileLines({ profile }: BackupSummary): string[] {
  if (!profile) return [];
  return [
    ...(profile.name === null ? [] : [`  read through the profile ${profile.name}`]),
    ...profile.filtered.map(({ table, rows }) => `  only rows of ${table}: ${rows}`),
    ...profile.masked.map(({ table, columns }) => `  masked: ${table}.${columns.join(', ')}`),
  ];
}

export function mediaLeftOutLine({ files, bytes: size, patterns }: MediaLeftOut): string {
  return `  left out: ${counted(files, 'media file')}, ${bytes(size)}, by ${patterns.join(', ')}`;
}

/** Time per state; a Map's children are one line. */
export function stateLines(states: readonly StateTime[]): string[] {
  return tableLines(
    [{ title: '' }, { title: '', right: true }, { title: '' }],
    states.map(({ state, milliseconds, runs }) => [
      `  ${state}`,
      duration(milliseconds),
      runs > 1 ? `${count(runs)} times` : '',
    ]),
  );
}
