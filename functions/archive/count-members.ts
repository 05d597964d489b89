import { DamagedBackup } from './errors.ts';

const block = 512;
/** Records that describe the member after them: pax headers, GNU long names. */
const notMembers = new Set(['x', 'g', 'X', 'L', 'K']);

/** Bytes of a content with the zeros that fill its last block. */
export function paddedSize(size: number): number {
  return Math.ceil(size / block) * block;
}

/** Counts the members of a tar archive that arrives in slices, by walking its headers. */
export class MemberCounter {
  members = 0;
  /** Of the content of the member that began last, as its header says it. */
  lastSize = 0;
  /** Bytes of content and padding still to be passed over. */
  #skip: number;
  #header: Buffer = Buffer.alloc(0);
  #ended = false;

  /** @param begun bytes of content and padding that the first member still has, where it began before */
  constructor(begun = 0) {
    this.#skip = begun;
  }

  /** Throws `DamagedBackup`. */
  add(slice: Buffer): void {
    let rest = slice;
    while (rest.length > 0) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, rest.length);
        this.#skip -= passed;
        rest = rest.subarray(passed);
        continue;
      }
      const part = rest.subarray(0, block - this.#header.length);
      this.#header = this.#header.length === 0 ? part : Buffer.concat([this.#header, part]);
      rest = rest.subarray(part.length);
      if (this.#header.length < block) return;
      this.#take(this.#header);
      this.#header = Buffer.alloc(0);
    }
  }

  /**
   * Throws `DamagedBackup` when the archive ends within a member.
   * @param left bytes of content and padding that the last member is to have elsewhere
   */
  end(left = 0): void {
    if (this.#skip !== left || this.#header.length > 0)
      throw new DamagedBackup('the tar archive ends within a member');
  }

  #take(header: Buffer): void {
    if (header.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    if (this.#ended) throw new DamagedBackup('the tar archive goes on after its end');
    if (checksumOf(header) !== octal(header.subarray(148, 156)))
      throw new DamagedBackup('a tar header does not have its checksum');
    const size = sizeOf(header.subarray(124, 136));
    this.#skip = paddedSize(size);
    const type = String.fromCharCode(header.readUInt8(156));
    if (notMembers.has(type)) return;
    this.members += 1;
    this.lastSize = size;
  }
}

/** The sum of the header's bytes, those of the checksum itself taken as spaces. */
function checksumOf(header: Buffer): number {
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 0x20 : byte;
  return sum;
}

/** Octal digits, or GNU's base-256 number where the first bit is set. */
function sizeOf(field: Buffer): number {
  if (!(field.readUInt8(0) & 0x80)) return octal(field);
  const size = Number(field.readBigUInt64BE(4));
  if (!Number.isSafeInteger(size)) throw new DamagedBackup('a tar header has an impossible size');
  return size;
}

function octal(field: Buffer): number {
  const digits = /^[ \0]*([0-7]+)/.exec(field.toString('latin1'));
  return digits?.[1] === undefined ? 0 : Number.parseInt(digits[1], 8);
}
