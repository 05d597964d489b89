import { bytes } from '../../cli/text/quantities.ts';
import type { BenchResults, ContenderResult } from '../results.ts';
import { spreadOf } from '../statistics.ts';
import { medianSeconds } from './goals.ts';

/** Titles of the columns in `cellsOf`. */
export const columns = [
  'command',
  'time',
  'min–max',
  'CPU of the client',
  'resident',
  'objects',
  'rows equal',
  "replicator's time is",
] as const;

/** One line of the table; what wasn't measured says why. */
export function cellsOf(results: BenchResults, found: ContenderResult): string[] {
  if (found.outcome !== 'measured') return [found.title, `${found.outcome}: ${shortened(found.reason)}`];
  const time = spreadOf(found.runs.map(({ seconds }) => seconds));
  const cpu = spreadOf(found.runs.map(({ cpuSeconds }) => cpuSeconds));
  const resident = Math.max(...found.runs.map(({ peakBytes }) => peakBytes));
  return [
    found.title,
    `${time.median.toFixed(1)} s`,
    `${time.least.toFixed(1)}–${time.most.toFixed(1)}`,
    `${cpu.median.toFixed(1)} s`,
    bytes(resident),
    found.objectBytes === undefined ? '' : bytes(found.objectBytes),
    found.check === undefined ? '' : found.check.equal ? 'yes' : 'NO',
    comparison(results, found),
  ];
}

/** Contenders that took part or could not; those left out on purpose are in the JSON only. */
export function reported(results: BenchResults): ContenderResult[] {
  return results.contenders.filter(({ outcome }) => outcome !== 'left out');
}

/** `0.34 of it`: the replicator's backup, restore or both, as this command does one or both. */
function comparison(results: BenchResults, { kind, name }: ContenderResult): string {
  const backup = medianSeconds(results, 'replicator-backup');
  const restore = medianSeconds(results, 'replicator-restore');
  const own =
    kind === 'restore'
      ? restore
      : kind === 'clone'
        ? backup !== undefined && restore !== undefined
          ? backup + restore
          : undefined
        : backup;
  const other = medianSeconds(results, name);
  if (own === undefined || other === undefined || name.startsWith('replicator-')) return '';
  return `${(own / other).toFixed(2)} of it${kind === 'clone' ? ' (backup + restore)' : ''}`;
}

function shortened(reason = ''): string {
  const line = reason.replaceAll(/\s+/g, ' ');
  return line.length > 200 ? `${line.slice(0, 199)}…` : line;
}
