import type { TableToRead } from '../snapshot/tables.ts';
import type { Ratios } from './rates.ts';

/** A table, as far as its size decides what a run takes. */
export interface TableShape extends TableToRead {
  /** Those of keys included. */
  readonly indexes: number;
  readonly foreignKeys: number;
}

export interface MediaShape {
  readonly files: number;
  readonly bytes: number;
}

/** What is backed up. */
export interface DatabaseShape {
  readonly tables: readonly TableShape[];
  /** Tables whose definitions alone are in the backup. */
  readonly definitionOnly: number;
  readonly media: MediaShape | null;
  readonly ratios: Ratios;
}

export const pageBytes = 8192;

export interface Bytes {
  /** As COPY text. */
  readonly text: number;
  /** Compressed, in S3. */
  readonly stored: number;
}

/** What a table, or `share` of it, comes to. */
export function bytesOf(table: TableToRead, ratios: Ratios, share = 1): Bytes {
  const heap = Math.min(table.bytes, table.pages * pageBytes) * share;
  const toast = Math.max(0, table.bytes * share - heap);
  const heapText = heap * ratios.textOfHeap;
  const toastText = toast * ratios.textOfToast;
  return {
    text: heapText + toastText,
    stored: heapText * ratios.storedOfHeapText + toastText * ratios.storedOfToastText,
  };
}
