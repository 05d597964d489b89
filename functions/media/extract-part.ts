import type { FileHandle } from 'node:fs/promises';
import type { FilePart } from './archive-part.ts';
import { MediaDamaged } from './errors.ts';
import { type ExtractedShard, type ExtractOptions, nothingLeftOut } from './extract.ts';
import type { FileAttributes, PartFile } from './part-file.ts';
import { fromLatin1, printable } from './path.ts';
import { tarPadding } from './tar-header.ts';
import { headersLength, readHeaders } from './tar-members.ts';

/** No header is longer: names have at most 4096 bytes, and two of them may need records of their own. */
const longestHeaders = 64 * 1024;

/**
 * Writes one part of a file to its place in the file, which comes into the tree when its last part is there.
 * A part that is there already is not written again.
 * @throws MediaDamaged, MediaUnsafe, the signal's reason, and what `tar` throws
 */
export async function extractPart(
  tar: AsyncIterable<Buffer>,
  file: PartFile,
  part: FilePart,
  { signal, progress }: ExtractOptions,
): Promise<ExtractedShard> {
  const files = part.offset === 0 ? 1 : 0;
  const content = (await file.isWritten()) ? undefined : await file.open();
  if (content !== undefined) {
    let attributes: FileAttributes | undefined;
    try {
      const reading = new PartReading(content, part);
      for await (const bytes of tar) {
        signal.throwIfAborted();
        progress.advance({ bytes: await reading.take(bytes) });
      }
      attributes = reading.end();
      await content.datasync();
    } finally {
      await content.close();
    }
    await file.mark(attributes);
  } else progress.advance({ bytes: part.bytes });
  await file.finishIfWhole();
  progress.advance({ files });
  return { files, directories: 0, links: 0, bytes: part.bytes, members: files, leftOut: nothingLeftOut };
}

/** Takes a part apart: the header where it is the first one, content, and the padding where it is the last one. */
class PartReading {
  readonly #content: FileHandle;
  readonly #part: FilePart;
  #headers: Buffer | undefined;
  #attributes: FileAttributes | undefined;
  #written = 0;
  #padding: number;

  constructor(content: FileHandle, part: FilePart) {
    this.#content = content;
    this.#part = part;
    this.#headers = part.offset === 0 ? Buffer.alloc(0) : undefined;
    this.#padding = part.offset + part.bytes === part.size ? tarPadding(part.size).length : 0;
  }

  /** @returns bytes of content in it */
  async take(bytes: Buffer): Promise<number> {
    const rest = this.#headers === undefined ? bytes : await this.#takeHeaders(this.#headers, bytes);
    const piece = rest.subarray(0, this.#part.bytes - this.#written);
    for (let done = 0; done < piece.length; ) {
      const position = this.#part.offset + this.#written;
      const { bytesWritten } = await this.#content.write(piece, done, piece.length - done, position);
      done += bytesWritten;
      this.#written += bytesWritten;
    }
    const padding = rest.subarray(piece.length);
    this.#padding -= padding.length;
    if (this.#padding < 0 || padding.some((byte) => byte !== 0))
      throw this.#damaged('has other bytes behind it');
    return piece.length;
  }

  end(): FileAttributes | undefined {
    if (this.#written !== this.#part.bytes || this.#padding !== 0) throw this.#damaged('is cut short');
    return this.#attributes;
  }

  async #takeHeaders(before: Buffer, bytes: Buffer): Promise<Buffer> {
    const all = Buffer.concat([before, bytes]);
    const length = headersLength(all);
    if (length === undefined) {
      if (all.length > longestHeaders) throw this.#damaged('has no header');
      this.#headers = all;
      return Buffer.alloc(0);
    }
    const { path, kind, size, mode, mtime } = await readHeaders(all.subarray(0, length));
    if (path !== this.#part.path || kind !== 'file' || size !== this.#part.size)
      throw this.#damaged('has the header of another file');
    this.#attributes = { mode, mtime };
    this.#headers = undefined;
    return all.subarray(length);
  }

  #damaged(how: string): MediaDamaged {
    const { path, offset, bytes } = this.#part;
    return new MediaDamaged(
      `the part of ${printable(fromLatin1(path))} from ${offset} to ${offset + bytes} in the media archive ${how}: run verify on this backup`,
    );
  }
}
