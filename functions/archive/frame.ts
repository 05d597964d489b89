import { promisify } from 'node:util';
import { constants, type ZstdOptions, zstdCompress, zstdDecompress } from 'node:zlib';
import { DamagedBackup } from './errors.ts';
import { needRoom } from './memory-room.ts';

export const blockBytes = 4 * 1024 * 1024;
/**
 * What a manifest calls its level. Level 1's search with a window as large as a block, a hash table that fits into a
 * processor's cache and matches of six bytes and more: on change logs, dumps and plain text as small as level 3's
 * frames, in a seventh less time (measured).
 */
export const compressionLevel = 1;

/** How frames are made: each with content size (zstd's default where it is known) and content checksum. */
export function frameParameters(level = compressionLevel): Record<number, number> {
  const own = level === compressionLevel;
  return {
    [constants.ZSTD_c_compressionLevel]: level,
    [constants.ZSTD_c_checksumFlag]: 1,
    [constants.ZSTD_c_contentSizeFlag]: 1,
    ...(own && {
      [constants.ZSTD_c_windowLog]: 22,
      [constants.ZSTD_c_hashLog]: 16,
      [constants.ZSTD_c_minMatch]: 6,
    }),
  };
}

/** No row of PostgreSQL is longer than a gibibyte or two as text; a header that promises more is damage. */
const contentAtMost = 4 * 1024 ** 3;
const frameMagic = 0xfd2fb528;
/** The last four bits are free ("Skippable Frames"). */
const skippableMagic = 0x184d2a50;
/** "Block_Maximum_Size" */
const blockContentAtMost = 128 * 1024;

const compress = promisify<Buffer, ZstdOptions, Buffer>(zstdCompress);
const decompress = promisify<Buffer, ZstdOptions, Buffer>(zstdDecompress);

/** One zstd frame with content size and content checksum, made in the thread pool. For many, see `FrameCompressor`. */
export async function compressBlock(raw: Buffer, level = compressionLevel): Promise<Buffer> {
  const room = raw.length + Math.ceil(raw.length / 255) + 128;
  const frame = await compress(raw, {
    params: frameParameters(level),
    pledgedSrcSize: raw.length,
    // One round through the thread pool.
    chunkSize: room,
  });
  // A small slice would keep all of the room in memory while it waits to be sent.
  return frame.length < room / 2 ? Buffer.from(frame) : frame;
}

/** What a frame's header says (RFC 8878, section 3.1.1.1). */
export interface FrameHeader {
  readonly kind: 'zstd' | 'skippable';
  /** Bytes of magic number and header, up to the first block (or the skippable content). */
  readonly length: number;
  /** Uncompressed bytes; undefined when the frame doesn't say. */
  readonly contentSize: number | undefined;
  /** Bytes of the skippable content. */
  readonly skipped: number;
  readonly checksum: boolean;
}

/** The longest header there is. */
export const headerAtMost = 18;

/** The header at `offset`, undefined when the buffer ends too early to tell. Throws `DamagedBackup`. */
export function frameHeader(buffer: Buffer, offset: number): FrameHeader | undefined {
  const left = buffer.length - offset;
  if (left < 4) return undefined;
  const magic = buffer.readUInt32LE(offset);
  if ((magic & 0xfffffff0) >>> 0 === skippableMagic) {
    if (left < 8) return undefined;
    const skipped = buffer.readUInt32LE(offset + 4);
    return { kind: 'skippable', length: 8, contentSize: 0, skipped, checksum: false };
  }
  if (magic !== frameMagic) throw new DamagedBackup(`no zstd frame begins here (${magic.toString(16)})`);
  if (left < 5) return undefined;
  const descriptor = buffer.readUInt8(offset + 4);
  if (descriptor & 0b1000) throw new DamagedBackup('a zstd frame has a reserved bit set');
  const single = (descriptor & 0b100000) !== 0;
  const windowSize = single ? 0 : 1;
  const dictionarySize = [0, 1, 2, 4][descriptor & 0b11] ?? 0;
  const sizeSize = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const length = 5 + windowSize + dictionarySize + sizeSize;
  if (left < length) return undefined;
  const dictionaryAt = offset + 5 + windowSize;
  if (buffer.subarray(dictionaryAt, dictionaryAt + dictionarySize).some((each) => each !== 0))
    throw new DamagedBackup('a zstd frame asks for a dictionary');
  const contentSize = contentSizeAt(buffer, dictionaryAt + dictionarySize, sizeSize);
  return { kind: 'zstd', length, contentSize, skipped: 0, checksum: (descriptor & 0b100) !== 0 };
}

function contentSizeAt(buffer: Buffer, at: number, size: number): number | undefined {
  switch (size) {
    case 1:
      return buffer.readUInt8(at);
    case 2:
      return buffer.readUInt16LE(at) + 256;
    case 4:
      return buffer.readUInt32LE(at);
    case 8:
      return Number(buffer.readBigUInt64LE(at));
    default:
      return undefined;
  }
}

/** What three bytes of a block's header say (section 3.1.1.2). Throws `DamagedBackup`. */
export function blockHeader(bytes: number): { last: boolean; stored: number } {
  const type = (bytes >> 1) & 0b11;
  const size = bytes >> 3;
  if (type === 3 || size > blockContentAtMost)
    throw new DamagedBackup('a zstd block has an impossible header');
  // A run of one byte stores that byte alone.
  return { last: (bytes & 1) === 1, stored: type === 1 ? 1 : size };
}

/**
 * Bytes of the frame that begins at `offset`, undefined when the buffer ends before the frame does.
 * Walks the headers only; nothing is decompressed. Throws `DamagedBackup`.
 */
export function frameLength(buffer: Buffer, offset = 0): number | undefined {
  const header = frameHeader(buffer, offset);
  if (!header) return undefined;
  let at = offset + header.length + header.skipped;
  if (header.kind === 'zstd') {
    for (let last = false; !last; ) {
      if (at + 3 > buffer.length) return undefined;
      const block = blockHeader(buffer.readUIntLE(at, 3));
      at += 3 + block.stored;
      last = block.last;
    }
    if (header.checksum) at += 4;
  }
  return at <= buffer.length ? at - offset : undefined;
}

/**
 * The content of exactly one frame, in the thread pool; its checksum is compared by the decompressor. A frame must say
 * its content's size, and no more than that is ever allocated. Throws `DamagedBackup`, `RowTooLarge`.
 */
export async function decompressFrame(frame: Buffer): Promise<Buffer> {
  const header = frameHeader(frame, 0);
  if (!header) throw new DamagedBackup('a zstd frame is cut off in its header');
  if (header.kind === 'skippable') return Buffer.alloc(0);
  const { contentSize } = header;
  if (contentSize === undefined) throw new DamagedBackup('a zstd frame does not say the size of its content');
  if (contentSize > contentAtMost || impossible(frame, contentSize))
    throw new DamagedBackup(`a zstd frame of ${frame.length} bytes says that it holds ${contentSize} bytes`);
  needRoom('a row', contentSize, 1.1);
  let content: Buffer;
  try {
    content = await decompress(frame, {
      maxOutputLength: Math.max(1, contentSize),
      // In one piece: several would be there a second time when they are put together
      chunkSize: Math.max(64, contentSize + 1),
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new DamagedBackup(`a zstd frame cannot be decompressed: ${why}`, { cause: error });
  }
  if (content.length !== contentSize)
    throw new DamagedBackup(`a zstd frame holds ${content.length} bytes and says ${contentSize}`);
  return content;
}

/** Every 128 KiB of content take a block, and every block at least four bytes. */
function impossible(frame: Buffer, contentSize: number): boolean {
  return contentSize > Math.ceil(frame.length / 4) * blockContentAtMost;
}
