/** What a tar header says of a member. Names are bytes, in no encoding. */
export interface TarMember {
  /** Relative, without a trailing slash; empty for the archive's own root, written as `./`. */
  readonly path: Buffer;
  readonly kind: 'file' | 'directory' | 'symlink';
  /** Permission bits (`0o7777`). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  /** Nanoseconds since 1970. */
  readonly mtime: bigint;
  /** Where a link points, as it stands in the link. */
  readonly target?: Buffer;
}

export const tarBlock = 512;
const typeFlags = { file: '0', symlink: '2', directory: '5' } as const;

/**
 * The header blocks of one member: ustar, with GNU `L` and `K` records for names over 100 bytes, base-256 numbers
 * where octal digits don't suffice (sizes from 8 GiB on) and a pax record for an mtime with a fraction of a second or
 * before 1970, whose base-256 number some readers take for one second later (tar-stream is one).
 *
 * Names stand in the ustar field or in a GNU record and never in pax records, because pax names are UTF-8 by
 * definition: tools convert them to the locale of whoever extracts, and a name that isn't UTF-8 has no pax form that
 * they agree on. GNU tar, bsdtar and Python take the bytes of both other places as they are.
 */
export function tarHeader(member: TarMember): Buffer {
  const name = nameInArchive(member);
  const target = member.target ?? Buffer.alloc(0);
  const seconds = floorDivide(member.mtime, 1_000_000_000n);
  const blocks: Buffer[] = [];
  if (target.length > 100) blocks.push(...longRecord('K', target));
  if (name.length > 100) blocks.push(...longRecord('L', name));
  if (member.mtime < 0n || member.mtime % 1_000_000_000n !== 0n)
    blocks.push(...paxRecord('mtime', decimalSeconds(member.mtime)));
  blocks.push(
    headerBlock({
      name: name.subarray(0, 100),
      mode: member.mode,
      uid: member.uid,
      gid: member.gid,
      size: member.kind === 'file' ? member.size : 0,
      seconds: Number(seconds),
      type: typeFlags[member.kind],
      target: target.subarray(0, 100),
    }),
  );
  return Buffer.concat(blocks);
}

/** Zeros that fill a content of `size` bytes up to a whole block. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((tarBlock - (size % tarBlock)) % tarBlock);
}

function nameInArchive(member: TarMember): Buffer {
  if (member.path.length === 0) return Buffer.from('./');
  return member.kind === 'directory' ? Buffer.concat([member.path, Buffer.from('/')]) : member.path;
}

interface HeaderFields {
  readonly name: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly type: string;
  readonly target: Buffer;
}

function headerBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(tarBlock);
  fields.name.copy(block, 0);
  writeNumber(block, 100, 8, fields.mode & 0o7777);
  writeNumber(block, 108, 8, fields.uid);
  writeNumber(block, 116, 8, fields.gid);
  writeNumber(block, 124, 12, fields.size);
  writeNumber(block, 136, 12, fields.seconds);
  block.write('        ', 148, 'latin1');
  block.write(fields.type, 156, 'latin1');
  fields.target.copy(block, 157);
  block.write('ustar\x0000', 257, 'latin1');
  writeNumber(block, 329, 8, 0);
  writeNumber(block, 337, 8, 0);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** Octal digits and a NUL, or base-256 (GNU, read by all) for what is negative or too large. */
function writeNumber(block: Buffer, offset: number, width: number, value: number): void {
  const digits = value.toString(8).padStart(width - 1, '0');
  if (value >= 0 && digits.length < width) {
    block.write(`${digits}\0`, offset, 'latin1');
    return;
  }
  const bytes = BigInt.asUintN(8 * width, BigInt(value))
    .toString(16)
    .padStart(2 * width, '0');
  block.write(bytes, offset, 'hex');
  block[offset] = value < 0 ? 0xff : 0x80;
}

const plain = { mode: 0o644, uid: 0, gid: 0, seconds: 0, target: Buffer.alloc(0) };

function longRecord(type: 'L' | 'K', name: Buffer): Buffer[] {
  const content = Buffer.concat([name, Buffer.alloc(1)]);
  const head = headerBlock({ ...plain, name: Buffer.from('././@LongLink'), size: content.length, type });
  return [head, content, tarPadding(content.length)];
}

function paxRecord(key: string, value: string): Buffer[] {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (`${length}${rest}`.length !== length) length = `${length}${rest}`.length;
  const content = Buffer.from(`${length}${rest}`);
  const head = headerBlock({
    ...plain,
    name: Buffer.from('././@PaxHeader'),
    size: content.length,
    type: 'x',
  });
  return [head, content, tarPadding(content.length)];
}

/** `-1.5` for -1,500,000,000 ns, `-1` for -1,000,000,000 ns. */
function decimalSeconds(nanoseconds: bigint): string {
  const digits = (nanoseconds < 0n ? -nanoseconds : nanoseconds).toString().padStart(10, '0');
  const fraction = digits.slice(-9).replace(/0+$/, '');
  return `${nanoseconds < 0n ? '-' : ''}${digits.slice(0, -9)}${fraction && `.${fraction}`}`;
}

function floorDivide(value: bigint, by: bigint): bigint {
  return value >= 0n ? value / by : -((-value + by - 1n) / by);
}
