import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { PlannedChunk } from './shard-plan.ts';

/** One COPY of a chunk. */
export interface PageStep {
  readonly sql: string;
  /** The page up to which it reads; null: to the end of the chunk. */
  readonly to: number | null;
}

/** Bytes of table that the first COPY of a range is given, before anything is known of its speed. */
const firstStepBytes = 32 * 1024 * 1024;

export interface StepOptions {
  /** Begin here and not at the chunk's first page. */
  readonly from: number | null;
  /** Seconds that one COPY should take. */
  readonly stepSeconds: number;
  /** Of the source, `150018`: ranges of pages need TID range scans, which PostgreSQL has since 14. */
  readonly serverVersion: number;
}

/**
 * The COPY statements of a chunk, each asked for when the one before is done: how many pages one reads follows from
 * the seconds that the last one took, for text can be fifty times its pages.
 */
export function* pageSteps(
  chunk: PlannedChunk,
  { from: begin, stepSeconds, serverVersion }: StepOptions,
  now: () => number = () => performance.now() / 1000,
): Generator<PageStep> {
  if (chunk.pages === null && (chunk.condition !== null || serverVersion < 14_00_00)) {
    yield { sql: copyOut(chunk, chunk.condition ?? ''), to: null };
    return;
  }
  const first = chunk.pages?.from ?? 0;
  const upper = chunk.pages?.to ?? null;
  const end = first + chunk.pageCount;
  const bytesPerPage = Math.max(1, chunk.bytes / Math.max(1, chunk.pageCount));
  let step = Math.max(1, Math.floor(firstStepBytes / bytesPerPage));
  for (let from = begin ?? first; ; ) {
    const last = from + step >= end;
    const began = now();
    // The last range is open like its chunk: rows may lie beyond the pages that there were
    const to = last ? upper : from + step;
    yield { sql: copyOut(chunk, where(from, to)), to: last ? null : to };
    if (last) return;
    const factor = stepSeconds / Math.max(0.001, now() - began);
    from += step;
    step = Math.max(1, Math.floor(step * Math.min(4, Math.max(1 / 8, factor))));
  }
}

function where(from: number, to: number | null): string {
  const bounds = [
    ...(from > 0 ? [`ctid >= '(${from},0)'::tid`] : []),
    ...(to === null ? [] : [`ctid < '(${to},0)'::tid`]),
  ];
  return bounds.length === 0 ? '' : `WHERE ${bounds.join(' AND ')}`;
}

/**
 * ONLY: what inherits from the table has rows of its own, which a COPY of the table itself leaves out by itself. Where
 * it will do, no query is planned, which would lock every index of the table until the shard's end: the server's lock
 * table has to have room for thousands of tables, and not for their indexes too.
 */
function copyOut({ schema, name, columns, changed }: PlannedChunk, where: string): string {
  if (where === '' && !changed && columns.length > 0)
    return `COPY ${quoteName(schema, name)} (${columns.map(quoteIdentifier).join(', ')}) TO STDOUT`;
  const masks = new Map(changed?.columns);
  const values = columns.map((column) => masks.get(column) ?? quoteIdentifier(column));
  return `COPY (SELECT ${values.join(', ')} FROM ONLY ${quoteName(schema, name)} ${filtered(where, changed)}) TO STDOUT`;
}

/** @param where `WHERE …` or nothing */
function filtered(where: string, changed: PlannedChunk['changed']): string {
  if (!changed || changed.where === null) return where;
  const before = where.replace(/^\s*WHERE\s/i, '').trim();
  return `WHERE ${before === '' ? '' : `(${before}\n) AND `}(${changed.where}\n)`;
}
