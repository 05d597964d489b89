import { type Bytes, type DatabaseShape, pageBytes, type TableShape } from './database-shape.ts';
import { rates, uploadPartBytes } from './rates.ts';
import { listSchedule } from './schedule.ts';

/** What one state, or one worker of a fan-out, has to do, by however many invocations. */
export interface Work {
  readonly seconds: number;
  /** Requests to S3 at the price of GET: GET, HEAD. */
  readonly gets: number;
  /** Requests at the price of PUT: PUT, COPY, POST, LIST. Deletions cost nothing. */
  readonly puts: number;
}

const mebibyte = 1024 * 1024;

export function work(seconds: number, gets = 0, puts = 0): Work {
  return { seconds, gets, puts };
}

/** Seconds of many small requests to S3. */
function requests(count: number): number {
  return Math.ceil(count / rates.requestsAtOnce) * rates.requestSeconds;
}

/** Requests that an upload of unknown size makes. */
function uploadPuts(bytes: number): number {
  const parts = Math.max(1, Math.ceil(bytes / uploadPartBytes));
  return parts === 1 ? 1 : parts + 2;
}

/** Lock, CleanUp and the like: a look at the store or a few statements. */
export const small = work(0.3, 3, 2);

export function openSnapshot({ tables }: DatabaseShape): Work {
  return work(1 + tables.length * 0.0005, 2, 1);
}

export function dumpSchema({ tables, definitionOnly }: DatabaseShape): Work {
  return work(1 + (tables.length + definitionOnly) * rates.definitionSeconds, 1, 4);
}

export function planShards(tables: number, shards: number): Work {
  return work(0.2 + tables * 20e-6 + requests(shards), 1, shards + 1);
}

/** One shard's rows, out. */
export function copyShard(chunks: number, { text, stored }: Bytes): Work {
  const seconds = text / rates.copyTextPerSecond + chunks * rates.statementSeconds + 3 * rates.requestSeconds;
  return work(seconds, 2, uploadPuts(stored) + 1);
}

/** Media of one shard, in either direction. */
export function mediaSeconds(files: number, bytes: number): number {
  return bytes / rates.mediaPerSecond + files * rates.mediaFileSeconds;
}

export function planMedia(files: number, shards: number): Work {
  return work(0.2 + files * 0.001 + requests(shards), 0, shards + 1);
}

/** As many rows as files are taken to refer to one. */
export function compareMedia(files: number, shards: number): Work {
  return work(0.2 + files * 0.000_02 + requests(shards), shards + 3, 1);
}

export function archiveMedia(files: number, bytes: number, stored: number): Work {
  return work(mediaSeconds(files, bytes) + 3 * rates.requestSeconds, 2, uploadPuts(stored) + 1);
}

export function readSequences({ tables }: DatabaseShape): Work {
  return work(0.2 + tables.length * 0.001, 1, 2);
}

export interface Sealing {
  readonly results: number;
  readonly objects: number;
  /** Lengths of the parts copied inside S3, and of those read and uploaded. */
  readonly copied: readonly number[];
  readonly read: number;
}

export function sealBackup({ results, objects, copied, read }: Sealing): Work {
  const copying = listSchedule(
    copied.map((length) => rates.requestSeconds + length / rates.sealPartPerSecond),
    rates.sealPartsAtOnce,
  );
  const seconds = 0.5 + requests(results) + requests(objects) + copying + read / rates.sealPartPerSecond;
  return work(seconds, results + objects + 8 + Math.ceil(read / mebibyte / 16), copied.length + 8);
}

/** Listing and removing what a run left; S3 lists and deletes a thousand at a time. */
export function cleanUp(objects: number): Work {
  const pages = Math.ceil(objects / 1000) + 3;
  return work(0.3 + 2 * pages * 0.1, 3, pages);
}

export function planRestore(tables: number, shards: number): Work {
  return work(1 + tables * 20e-6 + requests(shards), 5, shards + 2);
}

export function loadPreData({ tables, definitionOnly }: DatabaseShape): Work {
  return work(0.5 + (tables.length + definitionOnly) * rates.statementSeconds, 3, 1);
}

/** One shard's rows, in: a ranged read and a transaction a chunk. */
export function loadShard(chunks: number, text: number): Work {
  const transactions = chunks * (3 * rates.statementSeconds + rates.requestSeconds);
  return work(text / rates.loadTextPerSecond + transactions, 2 + chunks, 0);
}

export function extractMedia(files: number, bytes: number): Work {
  return work(mediaSeconds(files, bytes) + 3 * rates.requestSeconds, 3, 0);
}

const heapOf = ({ pages }: TableShape) => pages * pageBytes;

/** Statements about tables over several sessions, the long ones first. */
function statements(
  { tables }: DatabaseShape,
  jobs: number,
  secondsOf: (table: TableShape) => { readonly each: number; readonly times: number },
): Work {
  const all = tables.flatMap((table) => {
    const { each, times } = secondsOf(table);
    return new Array<number>(times).fill(rates.statementSeconds + each);
  });
  all.sort((one, other) => other - one);
  return work(0.5 + listSchedule(all, jobs), 4, 1);
}

export function buildIndexes(shape: DatabaseShape, jobs: number): Work {
  return statements(shape, jobs, (table) => ({
    each: heapOf(table) / rates.indexHeapPerSecond,
    times: table.indexes,
  }));
}

export function addConstraints(shape: DatabaseShape, jobs: number): Work {
  return statements(shape, jobs, (table) => ({
    each: heapOf(table) / rates.validateHeapPerSecond,
    times: table.foreignKeys,
  }));
}

export function analyze(shape: DatabaseShape, jobs: number): Work {
  return statements(shape, jobs, (table) => ({
    each: Math.min(heapOf(table), rates.analysedBytes) / rates.analyseHeapPerSecond,
    times: 1,
  }));
}

export function verifyRestore(shape: DatabaseShape, jobs: number): Work {
  return statements(shape, jobs, (table) => ({ each: heapOf(table) / rates.countHeapPerSecond, times: 1 }));
}

export function setSequences({ tables }: DatabaseShape): Work {
  return work(0.2 + tables.length * 0.0002, 2, 0);
}

/** Renames of two databases; the media directory's entries are its top ones, which are few. */
export const switchOver = work(1, 4, 1);
