import { CopyOutlastsHandler } from './errors.ts';
import type { RowsPlan } from './plan-shards.ts';

/** Heap and TOAST that one COPY reads a second: more than any was seen to, and what it is planned with. */
const fastest = 200e6;
const expected = 50e6;

/**
 * Tables that are read by one COPY each, which can't go on in another invocation: on servers that have no TID range
 * scans (before 14), and where an extension's author says which rows count.
 * @param seconds that a handler lives; Infinity where nothing ends it
 * @returns warnings about tables that may take longer
 * @throws CopyOutlastsHandler for tables that will
 */
export function checkLongCopies({ tables }: RowsPlan, serverVersion: number, seconds: number): string[] {
  const uncut = tables.filter(({ condition }) => condition !== null || serverVersion < 14_00_00);
  const hopeless = uncut.filter(({ bytes }) => bytes / fastest > seconds);
  const why = `one COPY has to read all of it${serverVersion < 14_00_00 ? ', for the server has no TID range scans (PostgreSQL has them since 14)' : ''}`;
  const first = hopeless[0];
  if (first)
    throw new CopyOutlastsHandler(
      `${list(hopeless)} can't be read within the ${Math.round(seconds)} s that a worker lives: ${why}. Run this backup where nothing ends it (the command line, on a machine near the database), update the server, or leave the rows out (--exclude-table-data ${first.schema}.${first.name})`,
    );
  const doubtful = uncut.filter(({ bytes }) => bytes / expected > seconds);
  return doubtful.length === 0
    ? []
    : [`${list(doubtful)} may take longer than the ${Math.round(seconds)} s that a worker lives: ${why}`];
}

function list(tables: RowsPlan['tables']): string {
  const named = tables
    .slice(0, 5)
    .map(({ schema, name, bytes }) => `${schema}.${name} (${Math.round(bytes / 1e6)} MB)`);
  return named.join(', ') + (tables.length > named.length ? ` and ${tables.length - named.length} more` : '');
}
