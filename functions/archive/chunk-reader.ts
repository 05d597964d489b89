import { createHash } from 'node:crypto';
import type { ObjectStore } from '../store/object-store.ts';
import { DamagedBackup } from './errors.ts';
import { decompressFrames, readFrames } from './frame-stream.ts';
import type { Section } from './manifest.ts';

export interface SectionReading {
  /** For messages: a table, definitions, media. */
  readonly what: string;
  /** Frames decompressed at the same time; bounds the memory. */
  readonly parallel?: number;
  /** A block is the reader's until it asks for the next one, and not after: its memory is given back then. */
  readonly lent?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The content of a section, block by block, from one ranged read. Only when the loop has ended without an error is all
 * of it verified: its SHA-256, its frames and their checksums, its length. Throws `DamagedBackup`.
 */
export async function* readSection(
  store: ObjectStore,
  key: string,
  section: Section,
  pin: { etag: string },
  reading: SectionReading,
): AsyncGenerator<Buffer, void, undefined> {
  const hash = createHash('sha256');
  let frames = 0;
  let rawBytes = 0;
  const tapped = async function* () {
    for await (const slice of store.read(key, section, pin, reading.signal)) {
      hash.update(slice);
      yield slice;
    }
  };
  const counted = async function* () {
    for await (const frame of readFrames(tapped())) {
      frames += 1;
      yield frame;
    }
  };
  try {
    for await (const block of decompressFrames(counted(), reading.parallel ?? 3, reading.lent)) {
      rawBytes += block.length;
      yield block;
    }
  } catch (error) {
    if (error instanceof DamagedBackup)
      throw damaged(store, key, section, reading.what, error.message, error);
    throw error;
  }
  const faults = [
    hash.digest('hex') === section.sha256 ? undefined : 'its SHA-256 is another',
    frames === section.frames ? undefined : `it has ${frames} frames and not ${section.frames}`,
    rawBytes === section.rawBytes ? undefined : `it holds ${rawBytes} bytes and not ${section.rawBytes}`,
  ].filter((fault) => fault !== undefined);
  if (faults.length > 0) throw damaged(store, key, section, reading.what, faults.join(', '));
}

function damaged(
  store: ObjectStore,
  key: string,
  { offset, length }: Section,
  what: string,
  why: string,
  cause?: unknown,
): DamagedBackup {
  return new DamagedBackup(
    `${store.uri(key)}, bytes ${offset} to ${offset + length} (${what}): ${why}; use another backup`,
    { cause },
  );
}
