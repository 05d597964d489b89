import { isUtf8 } from 'node:buffer';

// Names of files are bytes. They stay Buffers on their way to system calls, and are written into JSON as latin1:
// one character for each byte, whatever the encoding was meant to be.

const slash = Buffer.from('/');

/** `base/name`; an empty name is the base itself. */
export function join(base: Buffer, name: Buffer | string): Buffer {
  const bytes = typeof name === 'string' ? Buffer.from(name) : name;
  return bytes.length === 0 ? base : Buffer.concat([base, slash, bytes]);
}

export function toLatin1(path: Buffer): string {
  return path.toString('latin1');
}

export function fromLatin1(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** For messages and notes: the name as text; bytes that are no text and control characters as `\xNN`. */
export function printable(path: Buffer | string): string {
  const bytes = typeof path === 'string' ? Buffer.from(path) : path;
  if (bytes.length === 0) return '.';
  const text = isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
  return [...text]
    .map((character) => (isShown(character, isUtf8(bytes)) ? character : escaped(character)))
    .join('');
}

function isShown(character: string, isText: boolean): boolean {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return false;
  return isText ? code !== 0x2028 && code !== 0x2029 : code < 0x80;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
}

const ownPrefix = Buffer.from('.replicator-');

/** Is this a name that restores put beside the entries of a media directory? Never backed up, never swapped. */
export function isOwnName(name: Buffer): boolean {
  return name.subarray(0, ownPrefix.length).equals(ownPrefix);
}
