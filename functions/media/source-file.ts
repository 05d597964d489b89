import type { BigIntStats } from 'node:fs';
import { constants, type FileHandle, open } from 'node:fs/promises';
import { systemCode } from './errors.ts';
import { type FileFacts, fileFacts, unreadable } from './scan.ts';

/** Why a file that was planned can't be read: it is gone, or something of another kind has taken its place. */
export type Absence = 'removed' | 'replaced';

export const leftOut: Readonly<Record<Absence, string>> = {
  removed: 'was removed before it could be read, left out',
  replaced: 'was replaced by something of another kind meanwhile, left out',
};

/** What a server of files says of one that was removed while it was open (NFS): ESTALE. */
const gone = new Set(['ENOENT', 'ENOTDIR', 'ESTALE']);
/** O_NOFOLLOW's answer to a link, and the answer to opening a socket. */
const ofAnotherKind = new Set(['ELOOP', 'ENXIO']);

/** @throws MediaUnreadable when it is neither gone nor of another kind */
export function absenceOf(full: Buffer, error: unknown): Absence {
  const code = systemCode(error) ?? '';
  if (gone.has(code)) return 'removed';
  if (ofAnotherKind.has(code)) return 'replaced';
  throw unreadable(full, error);
}

/** What tells one moment of a file from another. */
export interface Moment {
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  readonly inode: bigint;
}

export function sameMoment(one: Moment, other: Moment | undefined): boolean {
  return one.size === other?.size && one.mtime === other.mtime && one.inode === other.inode;
}

/** A regular file of the source, opened. Whatever happens to it, as many bytes are read of it as are asked for. */
export class SourceFile {
  readonly #file: FileHandle;
  readonly #full: Buffer;
  readonly opened: Moment;
  readonly facts: FileFacts;

  private constructor(file: FileHandle, full: Buffer, stat: BigIntStats) {
    this.#file = file;
    this.#full = full;
    this.opened = momentOf(stat);
    this.facts = fileFacts(stat);
  }

  /** @throws MediaUnreadable */
  static async open(full: Buffer): Promise<SourceFile | Absence> {
    let file: FileHandle;
    try {
      // Neither a link nor a pipe that has taken the file's place is followed or waited for.
      file = await open(full, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      return absenceOf(full, error);
    }
    let opened: SourceFile | undefined;
    try {
      const stat = await file.stat({ bigint: true });
      if (!stat.isFile()) return 'replaced';
      opened = new SourceFile(file, full, stat);
      return opened;
    } catch (error) {
      return absenceOf(full, error);
    } finally {
      if (opened === undefined) await file.close();
    }
  }

  /** What the file no longer has is read as zeros, and is `short`. @throws MediaUnreadable */
  async read(position: number, length: number): Promise<{ bytes: Buffer; short: boolean }> {
    const bytes = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const bytesRead = await this.#readSome(bytes, filled, position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return { bytes, short: filled < length };
  }

  async #readSome(bytes: Buffer, filled: number, position: number): Promise<number> {
    try {
      return (await this.#file.read(bytes, filled, bytes.length - filled, position)).bytesRead;
    } catch (error) {
      if (absenceOf(this.#full, error) === 'removed') return 0;
      throw unreadable(this.#full, error);
    }
  }

  /** Is it what it was when it was opened? @throws MediaUnreadable */
  async isUnchanged(): Promise<boolean> {
    try {
      return sameMoment(this.opened, momentOf(await this.#file.stat({ bigint: true })));
    } catch (error) {
      return absenceOf(this.#full, error) !== 'removed';
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

function momentOf(stat: BigIntStats): Moment {
  return { size: Number(stat.size), mtime: stat.mtimeNs, inode: stat.ino };
}
