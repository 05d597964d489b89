import { RowTooLarge } from './errors.ts';

/** Rows up to this are taken without asking how much memory there is. */
const unaskedBytes = 32 * 1024 * 1024;

/**
 * Refuses a row that there is no memory for. Better told than ended: Linux, and Lambda, end a process that takes more
 * than there is without a word.
 * @param what `a row of public.huge`
 * @param factor of the row's bytes: what else is there beside them
 * @throws RowTooLarge
 */
export function needRoom(what: string, bytes: number, factor: number): void {
  if (bytes <= unaskedBytes) return;
  const needed = bytes * factor;
  const available = process.availableMemory();
  if (needed <= available) return;
  throw new RowTooLarge(
    `${what} has ${megabytes(bytes)} of text, which takes ${megabytes(needed)} of memory, and ${megabytes(available)} are available. ` +
      "Give the worker more (on Lambda: the memory of the functions CopyShard and LoadShard), or leave the table's rows out (--exclude-table-data)",
  );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_000_000)} MB`;
}
