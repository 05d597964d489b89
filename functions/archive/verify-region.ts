import { createHash } from 'node:crypto';
import type { Progress } from '../run/progress.ts';
import type { ByteSource } from './byte-source.ts';
import { MemberCounter } from './count-members.ts';
import { DamagedBackup } from './errors.ts';
import type { Content, Region } from './file-layout.ts';
import { decompressFrames, readFrames } from './frame-stream.ts';
import type { MediaPart } from './manifest.ts';
import { toCome } from './media-parts.ts';

const newline = 0x0a;

/** Frames decompressed at the same time. */
const parallel = 4;

/** Reads one region to its end and says what is wrong with it; only errors of the store are thrown. */
export async function verifyRegion(
  region: Region,
  source: ByteSource,
  progress: Progress,
): Promise<string[]> {
  if (region.kind === 'fixed') return verifyFixed(region, source);
  const { section, content } = region;
  const end = section.offset + section.length;
  const hash = createHash('sha256');
  let frames = 0;
  let rawBytes = 0;
  const check = checkOf(content);
  const found: string[] = [];

  const tapped = async function* () {
    for await (const slice of source.takeTo(end)) {
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
    // Rows are only counted; of an archive a header may be kept until the next block
    const lent = content.kind !== 'tar';
    for await (const block of decompressFrames(counted(), parallel, lent)) {
      rawBytes += block.length;
      const rows = check.add(block);
      progress.advance({ bytes: block.length, rows });
    }
    found.push(...check.end());
    if (frames !== section.frames) found.push(`it has ${frames} frames, the manifest says ${section.frames}`);
    if (rawBytes !== section.rawBytes)
      found.push(`it holds ${rawBytes} bytes, the manifest says ${section.rawBytes}`);
  } catch (error) {
    if (!(error instanceof DamagedBackup)) throw error;
    found.push(error.message);
  }
  for await (const _ of tapped());
  if (hash.digest('hex') !== section.sha256) found.push('its SHA-256 is not the one in the manifest');
  return found;
}

interface ContentCheck {
  /** Returns the rows in the block. */
  add(block: Buffer): number;
  end(): string[];
}

function checkOf(content: Content): ContentCheck {
  switch (content.kind) {
    case 'sql':
      return { add: () => 0, end: () => [] };
    case 'rows':
      return new RowsCheck(content.rows);
    case 'tar':
      return new TarCheck(content.members, content.part);
  }
}

/** COPY text: as many rows as newlines, and no block ends within a row. */
class RowsCheck implements ContentCheck {
  readonly #expected: number;
  #rows = 0;
  #torn = 0;

  constructor(expected: number) {
    this.#expected = expected;
  }

  add(block: Buffer): number {
    let rows = 0;
    for (let at = block.indexOf(newline); at !== -1; at = block.indexOf(newline, at + 1)) rows += 1;
    this.#rows += rows;
    if (block.at(-1) !== newline) this.#torn += 1;
    return rows;
  }

  end(): string[] {
    const found: string[] = [];
    if (this.#rows !== this.#expected)
      found.push(`it holds ${this.#rows} rows, the manifest says ${this.#expected}`);
    if (this.#torn > 0) found.push(`${this.#torn} of its frames end within a row`);
    return found;
  }
}

class TarCheck implements ContentCheck {
  readonly #expected: number;
  readonly #counter: MemberCounter;
  readonly #part: MediaPart | undefined;
  /** Bytes that the member has in later sections. */
  readonly #left: number;

  constructor(expected: number, part: MediaPart | undefined) {
    const { atStart, atEnd } = part ? toCome(part) : { atStart: 0, atEnd: 0 };
    this.#expected = expected;
    this.#part = part;
    this.#counter = new MemberCounter(atStart);
    this.#left = atEnd;
  }

  add(block: Buffer): number {
    this.#counter.add(block);
    return 0;
  }

  end(): string[] {
    this.#counter.end(this.#left);
    const { members, lastSize } = this.#counter;
    if (members !== this.#expected)
      return [`it holds ${members} members of an archive, the manifest says ${this.#expected}`];
    return this.#part?.offset === 0 && lastSize !== this.#part.size
      ? [`it begins a file of ${lastSize} bytes, the manifest says ${this.#part.size}`]
      : [];
  }
}

async function verifyFixed(region: Region & { kind: 'fixed' }, source: ByteSource): Promise<string[]> {
  const { offset, length, text } = region;
  if (length < 0) return [`the manifest lets it overlap what comes before by ${-length} bytes`];
  const end = offset + length;
  const parts: Buffer[] = [];
  let held = 0;
  try {
    for await (const block of decompressFrames(readFrames(source.takeTo(end)), parallel)) {
      held += block.length;
      // More than is expected is wrong already, and need not be kept.
      if (held <= text.length) parts.push(block);
    }
  } catch (error) {
    if (!(error instanceof DamagedBackup)) throw error;
    await source.skipTo(end);
    return [error.message];
  }
  return held === text.length && Buffer.concat(parts).equals(text)
    ? []
    : ['it does not hold the text that belongs there'];
}
