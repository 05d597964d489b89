import type { BenchResults, ContenderResult } from '../results.ts';
import { spreadOf } from '../statistics.ts';

/** One bound of the project's own, and what was measured. */
export interface Goal {
  readonly what: string;
  readonly atMost: number;
  /** undefined: something that it needs was not measured. */
  readonly measured: number | undefined;
  readonly unit: '' | ' s' | ' MiB';
}

/** Median seconds of a contender that was measured. */
export function medianSeconds(results: BenchResults, name: string): number | undefined {
  const found = measured(results, name);
  return found && spreadOf(found.runs.map(({ seconds }) => seconds)).median;
}

/** The goals are for 3 GB of COPY text on two cores shared by servers and clients. */
export function goalsOf(results: BenchResults): Goal[] {
  const seconds = (name: string) => medianSeconds(results, name);
  const [backup, restore] = [seconds('replicator-backup'), seconds('replicator-restore')];
  const gigabytes = results.database.copyTextBytes / 1e9;
  const cpu = (name: string) => {
    const found = measured(results, name);
    return found && spreadOf(found.runs.map(({ cpuSeconds }) => cpuSeconds)).median / gigabytes;
  };
  const resident = ['replicator-backup', 'replicator-restore'].flatMap(
    (name) => measured(results, name)?.runs.map(({ peakBytes }) => peakBytes) ?? [],
  );
  const both = backup === undefined || restore === undefined ? undefined : backup + restore;
  return [
    goal('backup: time against pg_dump -Fc | aws s3 cp', 0.33, ratio(backup, seconds('pg_dump-fc'))),
    goal('backup: time against pg_dump -Fc -Z1 | aws s3 cp', 0.58, ratio(backup, seconds('pg_dump-fc-z1'))),
    goal('backup: time against two COPY to /dev/null', 1.4, ratio(backup, seconds('copy-limit'))),
    goal(
      'backup: size of the objects against pg_dump -Fc',
      0.45,
      ratio(
        measured(results, 'replicator-backup')?.objectBytes,
        measured(results, 'pg_dump-fc')?.objectBytes,
      ),
    ),
    goal('backup: client CPU for 1 GB of COPY text', 4, cpu('replicator-backup'), ' s'),
    goal('restore: client CPU for 1 GB of COPY text', 3, cpu('replicator-restore'), ' s'),
    goal('restore: time against aws s3 cp + pg_restore -j2', 0.45, ratio(restore, seconds('pg_restore'))),
    goal('backup + restore: time against pgcopydb clone', 0.75, ratio(both, seconds('pgcopydb'))),
    goal(
      'backup and restore: resident memory',
      350,
      resident.length === 0 ? undefined : Math.max(...resident) / 2 ** 20,
      ' MiB',
    ),
  ];
}

function measured(results: BenchResults, name: string): ContenderResult | undefined {
  return results.contenders.find((found) => found.name === name && found.outcome === 'measured');
}

function goal(what: string, atMost: number, found: number | undefined, unit: Goal['unit'] = ''): Goal {
  return { what, atMost, measured: found, unit };
}

function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  return part === undefined || whole === undefined || whole === 0 ? undefined : part / whole;
}
