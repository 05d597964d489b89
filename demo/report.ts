import type { ReplicateOutcome } from '../cli/replicate.ts';
import { bytes, count, counted, duration } from '../cli/text/quantities.ts';
import { tableLines } from '../cli/text/table.ts';
import type { CacheContent } from './cache.ts';
import type { Check } from './check.ts';
import { line } from './print.ts';

/** How far staging is from production before the demo's work. */
export function printDifferences({ databases, differingMedia, foreignOwned }: Check): void {
  line(
    `  ${counted(databases.tables.length, 'table')} with other rows in staging than in production, ` +
      `${count(databases.sameTables)} the same; ${counted(differingMedia.length, 'media path')} differ`,
  );
  if (foreignOwned > 0)
    throw new Error(`${foreignOwned} relations of staging have a wrong owner before the work`);
}

/** Every step that did some work, with its time and volume. */
export function printSteps({ backup, restore }: ReplicateOutcome): void {
  const rows = `${counted(backup.rows, 'row')}, ${bytes(backup.rowBytes)}`;
  const media = backup.media
    ? `${counted(backup.media.files, 'file')}, ${bytes(backup.media.bytes)}`
    : 'no media';
  const volumes: Readonly<Record<string, string>> = {
    DumpSchema: `definitions of ${counted(backup.tables, 'table')}`,
    CopyShard: rows,
    ArchiveMedia: media,
    SealBackup: `${counted(backup.files.length, 'file')}, ${bytes(backup.storedBytes)}`,
    LoadShard: rows,
    ExtractMedia: media,
    VerifyRestore: counted(backup.tables, 'table'),
  };
  const lines = [...backup.states, ...restore.states]
    .filter(({ state, milliseconds }) => state in volumes || milliseconds >= 10)
    .map(({ machine, state, milliseconds, runs }) => [
      `  ${machine}`,
      state,
      duration(milliseconds),
      [volumes[state] ?? '', runs > 1 ? `${count(runs)} workers' tasks` : ''].filter(Boolean).join(', '),
    ]);
  for (const text of tableLines(
    [{ title: '' }, { title: '' }, { title: '', right: true }, { title: '' }],
    lines,
  )) {
    line(text);
  }
  for (const warning of new Set([...backup.warnings, ...restore.warnings])) line(`  warning: ${warning}`);
}

export interface Expectations {
  /** The table whose rows were left out. */
  readonly leftOut: string;
  readonly cacheBefore: CacheContent | undefined;
  readonly cacheAfter: CacheContent | undefined;
}

/** @returns is staging what it should be? */
export function printChecks(found: Check, { leftOut, cacheBefore, cacheAfter }: Expectations): boolean {
  const { databases } = found;
  const kept = databases.tables.find(({ table }) => table === leftOut);
  const wrong = databases.tables.filter((table) => table !== kept);
  const results = [
    verdict(
      wrong.length === 0,
      `${counted(databases.sameTables, 'table')} hold the same rows: ${count(databases.sameRows)}, compared one by one`,
      `these tables differ: ${wrong.map(({ table }) => table).join(', ')}`,
    ),
    verdict(
      kept?.right?.rows === 0 && (kept.left?.rows ?? 0) > 0,
      `${leftOut} is there and empty: its ${counted(kept?.left?.rows ?? 0, 'row')} stayed in production`,
      `${leftOut} should be there and empty`,
    ),
    verdict(
      databases.definitions.length === 0,
      `${counted(databases.sameDefinitions, 'index or constraint', 'indexes and constraints')} are the same`,
      `these indexes and constraints differ: ${databases.definitions.join(', ')}`,
    ),
    verdict(
      databases.sequences.length === 0,
      "all sequences go on where production's are",
      `these sequences differ: ${databases.sequences.map(({ sequence }) => sequence).join(', ')}`,
    ),
    verdict(
      found.foreignOwned === 0,
      'everything belongs to nautobot_staging',
      `${counted(found.foreignOwned, 'relation')} belong to another role than nautobot_staging`,
    ),
    verdict(
      found.differingMedia.length === 0,
      `${counted(found.mediaPaths, 'media path')} are the same: bytes, modes, empty folders, odd names`,
      `these media differ: ${found.differingMedia.join(', ')}`,
    ),
  ];
  if (cacheBefore !== undefined && cacheAfter !== undefined) {
    results.push(
      verdict(
        cacheAfter.cacheKeys === 0,
        `${counted(cacheBefore.cacheKeys, 'stale key')} of Nautobot's cache (Redis DB 1) are gone`,
        `${counted(cacheAfter.cacheKeys, 'stale key')} are still in Nautobot's cache`,
      ),
      verdict(
        cacheAfter.queuedTasks === cacheBefore.queuedTasks && cacheAfter.otherKeys === cacheBefore.otherKeys,
        `${counted(cacheAfter.queuedTasks, 'task')} in Celery's queue (DB 0) and ${counted(cacheAfter.otherKeys, 'key')} of another program were left alone`,
        'keys that are not of the cache were deleted as well',
      ),
    );
  } else line('  -- cache: left out, there is no Redis here');
  return results.every(Boolean);
}

function verdict(holds: boolean, good: string, bad: string): boolean {
  line(holds ? `  ok ${good}` : `  NO ${bad}`);
  return holds;
}

/** Where the two standard files are, and what reads them. */
export function printFiles({ backup }: ReplicateOutcome): void {
  const reads: Readonly<Record<string, string>> = {
    'database.sql.zst': 'zstd -dc database.sql.zst | psql nautobot',
    'media.tar.zst': 'tar -xf media.tar.zst',
    'schema.sql': 'definitions, for reading',
  };
  line(`  ${backup.uri}`);
  const files = backup.files.map(({ name, bytes: size }) => [`    ${name}`, bytes(size), reads[name] ?? '']);
  for (const text of tableLines([{ title: '' }, { title: '', right: true }, { title: '' }], files))
    line(text);
}
