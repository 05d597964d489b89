import type { TableEntry } from '../archive/manifest.ts';

/** How long an index takes for a row of its table, beside reading it; a B-tree column is 1. For order only. */
const effort: Readonly<Record<string, number>> = { brin: 0.1, hash: 1, btree: 1, spgist: 3, gist: 6, gin: 4 };
/** Bytes of rows that are read in the time that one row's key of a B-tree is sorted in. */
const bytesForKey = 250;

/**
 * How long an index will take to build, in bytes of rows read: its table is read once, and a key is made of every row;
 * GIN makes many of a long value. Only to begin with the longest.
 * @param text as pg_dump writes it
 */
export function expectedLength(text: string, table: TableEntry | undefined): number {
  if (!table) return 0;
  const method = /\bUSING (\w+) \(/.exec(text)?.[1] ?? 'btree';
  const partial = /\) WHERE \(/.test(text) ? 0.5 : 1;
  const perRow = (effort[method] ?? 3) * bytesForKey;
  const ofValues = method === 'gin' ? table.rawBytes : 0;
  return table.rawBytes + partial * (table.rows * perRow + ofValues);
}
