import { queueWords } from '../../functions/cache/broker/words.ts';
import type { Report } from '../../functions/report/report.ts';
import { bytes, count, counted, duration, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import { mediaLeftOutLine } from './backup-report.ts';
import { comparisonLines } from './media-lines.ts';

type Sections = Report['sections'];
type DatabaseOfCache = Extract<
  NonNullable<Sections['InvalidateCache']>,
  { kind: 'redis' }
>['databases'][number];

/** The whole report of a restore, for a person. */
export function reportLines(report: Report): string[] {
  const { sections, target, failure } = report;
  const backup = sections.PlanRestore?.backupId;
  return [
    `Restore ${report.runId}: ${report.outcome.replaceAll('_', ' ')}, ${moment(report.startedAt)}, ${duration(span(report))}`,
    ...(backup ? [`  ${whatOf(sections.PlanRestore)} ${backup}`] : []),
    ...(target ? [`  into ${target.database} on ${target.host}:${target.port}`] : []),
    ...(failure ? [`  failed in ${failure.state}: ${failure.message} (${failure.error})`] : []),
    ...checkLines(sections.PlanRestore),
    ...sanitizeLines(sections.Sanitize),
    ...verifyLines(sections.VerifyRestore),
    ...restoredMediaLine(sections.RestoreMedia),
    ...copiedMediaLines(sections.CopyMedia),
    ...mediaLines(sections.CompareMedia),
    ...switchLines(sections.SwitchOver),
    ...brokerLines(sections.DrainBroker),
    ...cacheLines(sections.InvalidateCache),
    ...commandLines(sections.AfterRestore),
    ...report.notes.map((note) => `  note: ${note}`),
    ...(report.states.length > 0 ? ['', ...timeLines(report)] : []),
  ];
}

function whatOf(plan: Sections['PlanRestore']): string {
  return plan?.tables ? `${plan.tables.join(', ')} of backup` : 'backup';
}

function checkLines(plan: Sections['PlanRestore']): string[] {
  return (plan?.checks ?? []).map(
    ({ name, outcome, message }) => `  checked: ${name}: ${outcome}, ${message}`,
  );
}

/** What was removed, masked and disabled. */
export function sanitizeLines(sanitized: Sections['Sanitize']): string[] {
  if (!sanitized) return [];
  const { name, statements, removed = [], masked = [], disabled = [], suspicious = [] } = sanitized;
  const rows = (counted: number | undefined) => (counted === undefined ? '' : ` (${count(counted)})`);
  return [
    ...(name ? [`  sanitised by ${name}${statements ? `, ${counted(statements, 'statement')}` : ''}`] : []),
    ...removed.map(({ table, rows: gone }) => `  removed: rows of ${table}${rows(gone)}`),
    ...masked.map(
      ({ table, columns, rows: changed }) => `  masked: ${table}.${columns.join(', ')}${rows(changed)}`,
    ),
    ...disabled.map(({ table, column, rows: off }) => `  disabled: ${table}.${column}${rows(off)}`),
    ...(suspicious.length > 0
      ? [`  look like secrets, and no rule is about them: ${suspicious.join(', ')}`]
      : []),
  ];
}

function verifyLines(verified: Sections['VerifyRestore']): string[] {
  if (!verified) return [];
  const media = verified.media ? `, ${counted(verified.media.files, 'media file')}` : '';
  return [
    `  ${counted(verified.rows, 'row')} in ${counted(verified.tables, 'table')}${media}, counted against the manifest`,
    ...(verified.media?.leftOut ? [mediaLeftOutLine(verified.media.leftOut)] : []),
  ];
}

function restoredMediaLine(media: Sections['RestoreMedia']): string[] {
  if (!media) return [];
  const { patterns, replaced, added } = media;
  return [
    `  media named by ${patterns.join(', ')}: ${counted(replaced, 'file')} replaced, ${counted(added, 'file')} added`,
  ];
}

/** Media copied from bucket to bucket. */
export function copiedMediaLines(copied: Sections['CopyMedia']): string[] {
  if (!copied) return [];
  const { from, to, files, added, replaced, removed, leftOut, others } = copied;
  const more = [
    `${count(added)} added`,
    `${count(replaced)} replaced`,
    ...(removed > 0 ? [`${count(removed)} removed`] : []),
    ...(leftOut > 0 ? [`${count(leftOut)} left out by pattern`] : []),
    ...(others > 0 ? [`${count(others)} of the target's own left`] : []),
  ];
  return [
    `  ${counted(files, 'media file')}, ${bytes(copied.bytes)}, from ${from} in ${to}: ${more.join(', ')}`,
  ];
}

/** Before: as the backup found them. */
export function mediaLines(compared: Sections['CompareMedia']): string[] {
  if (!compared) return [];
  const { backup, restored } = compared;
  return [
    ...(backup ? comparisonLines(backup, 'in the backup').slice(0, 1) : []),
    ...comparisonLines(restored),
  ];
}

function switchLines(switched: Sections['SwitchOver']): string[] {
  if (!switched) return [];
  const { awayMs, endedSessions, previous, carriedOver = [] } = switched;
  return [
    `  switched over${awayMs === undefined ? '' : ` within ${duration(awayMs)}`}; ${counted(endedSessions ?? 0, 'session')} of the old database ended`,
    ...carriedOver.map((what) => `  carried over: ${what}`),
    ...(previous === null ? [] : [`  what was in use before is kept as database ${previous}`]),
  ];
}

/** What was removed from the queues of Celery. */
export function brokerLines(drained: Sections['DrainBroker']): string[] {
  if (!drained) return [];
  const { broker, tasks, queues, remaining, otherPrefixes } = drained;
  const again = remaining > 0 ? `; ${count(remaining)} came again: something still sends them` : '';
  return [
    `  broker ${broker}: ${counted(tasks, 'task')} removed${again}`,
    ...queues.filter((queue) => queue.tasks > 0).map((queue) => `    ${queueWords(queue)}`),
    ...(otherPrefixes.length > 0 ? [`    left: queues under ${otherPrefixes.join(', ')}`] : []),
  ];
}

function cacheLines(cache: Sections['InvalidateCache']): string[] {
  if (!cache) return [];
  if (cache.kind === 'command') return [`  cache: the command took ${duration(cache.seconds * 1000)}`];
  const left = cache.remaining > 0 ? `, ${count(cache.remaining)} are there again` : '';
  return [`  cache: ${counted(cache.deleted, 'key')} deleted${left}`, ...cache.databases.map(databaseLine)];
}

function databaseLine(database: DatabaseOfCache): string {
  const { db, deleted, django, queryCache, broker, remaining, reappeared } = database;
  const found = [
    ...(django > 0 ? [`${counted(django, 'entry', 'entries')} of the Django cache`] : []),
    ...(queryCache > 0 ? [`${counted(queryCache, 'key')} of the query cache`] : []),
    ...(broker ? ['a Celery broker'] : []),
  ];
  const again = remaining > 0 ? `; there again: ${reappeared.join(', ')}` : '';
  return `    database ${db}: ${found.join(', ') || 'nothing of Nautobot'}; ${count(deleted)} deleted${again}`;
}

function commandLines(command: Sections['AfterRestore']): string[] {
  if (!command) return [];
  const lines = command.output.trimEnd().split('\n').slice(-10);
  return [
    `  --after-restore took ${duration(command.seconds * 1000)}${endOf(command)}`,
    ...lines.filter((line) => line !== '').map((line) => `    ${line}`),
  ];
}

function endOf({ exitCode, timedOut }: NonNullable<Sections['AfterRestore']>): string {
  if (timedOut) return ', and was ended then';
  return exitCode === 0
    ? ''
    : `, and ended ${exitCode === null ? 'by a signal' : `with exit code ${exitCode}`}`;
}

function span({ startedAt, endedAt }: Report): number {
  return Date.parse(endedAt) - Date.parse(startedAt);
}

function timeLines({ states }: Report): string[] {
  return tableLines(
    [{ title: '' }, { title: '', right: true }, { title: '' }],
    states.map(({ state, seconds, invocations }) => [
      `  ${state}`,
      duration(seconds * 1000),
      invocations > 1 ? `${count(invocations)} times` : '',
    ]),
  );
}
