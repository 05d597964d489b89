import type { CopyRows } from '../postgres/session.ts';
import { RowsIncomplete } from './errors.ts';
import { SharedRow } from './shared-row.ts';

const newline = 0x0a;

/**
 * Takes whole rows: one, or several one after another. Awaited: backpressure; the bytes are lent until then, or given
 * away for good where `given` says so.
 */
export type TakeRows = (rows: Buffer, count: number, given: boolean) => Promise<void>;

/**
 * Cuts the bytes of a COPY in text format where rows end. Every newline byte ends a row: those within values are
 * written as `\n` (PostgreSQL manual, COPY, "Text Format"). Bytes are handed on as they lie in memory, but for the row
 * that slices share. Slices may be lent.
 * @param table for messages
 * @returns rows, which are as many as the server says
 * @throws RowsIncomplete, RowTooLarge
 */
export async function takeWholeRows(copy: CopyRows, take: TakeRows, table = 'a query'): Promise<number> {
  const shared = new SharedRow(table);
  let rows = 0;
  for await (const slice of copy) {
    const end = slice.lastIndexOf(newline) + 1;
    if (end === 0) {
      shared.add(slice, copy.missing);
      continue;
    }
    let from = 0;
    if (!shared.empty) {
      from = slice.indexOf(newline) + 1;
      shared.add(slice.subarray(0, from));
      const { bytes, given } = shared.take();
      await take(bytes, 1, given);
      rows += 1;
    }
    if (end > from) {
      const whole = slice.subarray(from, end);
      const count = countRows(whole);
      await take(whole, count, false);
      rows += count;
    }
    if (end < slice.length) shared.add(slice.subarray(end), copy.missing);
  }
  if (!shared.empty) throw new RowsIncomplete('the rows of a COPY end in the middle of a row');
  if (copy.rows !== rows)
    throw new RowsIncomplete(`${rows} rows of a COPY arrived, the server says that it sent ${copy.rows}`);
  return rows;
}

/** Below this, looking at every byte is faster than searching for the next newline again and again. */
const shortRow = 48;

function countRows(bytes: Buffer): number {
  let count = 0;
  let at = 0;
  while (at < bytes.length) {
    at = bytes.indexOf(newline, at) + 1;
    if (at === 0) return count;
    count += 1;
    if (count === 64 && at < count * shortRow) return count + countBytes(bytes, at);
  }
  return count;
}

function countBytes(bytes: Buffer, from: number): number {
  let count = 0;
  for (let at = from; at < bytes.length; at++) if (bytes[at] === newline) count += 1;
  return count;
}
