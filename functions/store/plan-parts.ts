import { FileTooLarge } from './errors.ts';
import type { Piece } from './object-store.ts';

/** A part of a multipart upload: one server-side copy, or stretches that are read and uploaded together. */
export interface Part {
  /** From 1, without gaps: S3 wants it so where parts carry checksums (CompletedPart). */
  readonly number: number;
  readonly kind: 'copy' | 'read';
  readonly length: number;
  /** In order; exactly one for a copy. */
  readonly stretches: readonly Piece[];
}

export interface PartLimits {
  /** Every part but the last has at least this many bytes. */
  readonly minimum: number;
  /** No part has more. */
  readonly maximum: number;
  readonly parts: number;
  /** Copies are cut so that several run at once; never more than `maximum`. */
  readonly copy: number;
}

const mebibyte = 1024 ** 2;

/** "Amazon S3 multipart upload limits". */
export const s3Limits: PartLimits = {
  minimum: 5 * mebibyte,
  maximum: 5 * 1024 * mebibyte,
  parts: 10_000,
  copy: 512 * mebibyte,
};

/**
 * Divides pieces into parts: every byte exactly once and in order. Stretches that are too short to be a part are read
 * together with what follows, so a copy may begin in the middle of a piece. Throws `FileTooLarge`.
 */
export function planParts(pieces: readonly Piece[], limits: PartLimits): Part[] {
  const whole = coalesce(pieces);
  const least = leastPart(whole, limits);
  const most = Math.min(limits.maximum, Math.max(limits.copy, 2 * least));
  const parts: Part[] = [];
  let short: Piece[] = [];
  const add = (kind: Part['kind'], stretches: readonly Piece[]) =>
    parts.push({ number: parts.length + 1, kind, length: lengthOf(stretches), stretches });

  for (const [index, piece] of whole.entries()) {
    const last = index === whole.length - 1;
    let rest: Piece | undefined = piece;
    if (short.length > 0) {
      const [missing, after] = cut(rest, least - lengthOf(short));
      short.push(missing);
      rest = after;
      if (lengthOf(short) < least) continue;
      add('read', short);
      short = [];
    }
    if (!rest) continue;
    if (rest.length < least && !last) short = [rest];
    else for (const stretch of divide(rest, most)) add(kindOf(stretch, limits), [stretch]);
  }
  if (short.length > 0) add('read', short);
  return parts;
}

/** S3 copies a range only of an object larger than the minimum (UploadPartCopy, CopySourceRange). */
function kindOf({ length }: Piece, { minimum }: PartLimits): Part['kind'] {
  return length > minimum ? 'copy' : 'read';
}

/** The same for a server that can't copy: everything is read, in parts of about `size` bytes. */
export function planReads(pieces: readonly Piece[], limits: PartLimits, size: number): Part[] {
  const whole = coalesce(pieces);
  const most = Math.max(size, leastPart(whole, limits));
  const parts: Part[] = [];
  let stretches: Piece[] = [];
  const flush = () => {
    if (stretches.length === 0) return;
    parts.push({ number: parts.length + 1, kind: 'read', length: lengthOf(stretches), stretches });
    stretches = [];
  };
  for (const piece of whole) {
    let rest: Piece | undefined = piece;
    while (rest) {
      const [fitting, after] = cut(rest, most - lengthOf(stretches));
      stretches.push(fitting);
      rest = after;
      if (lengthOf(stretches) === most) flush();
    }
  }
  flush();
  return parts;
}

/** Parts of at least this size are few enough. */
function leastPart(pieces: readonly Piece[], limits: PartLimits): number {
  const total = lengthOf(pieces);
  const least = Math.max(limits.minimum, Math.ceil(total / (limits.parts - 1)));
  if (2 * least > limits.maximum)
    throw new FileTooLarge(
      `${total} bytes are more than one object can be put together of; make several backups of parts`,
    );
  return least;
}

function coalesce(pieces: readonly Piece[]): Piece[] {
  const whole: Piece[] = [];
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    const before = whole.at(-1);
    const continues =
      before?.key === piece.key &&
      before.etag === piece.etag &&
      before.offset + before.length === piece.offset;
    if (before && continues) whole[whole.length - 1] = { ...before, length: before.length + piece.length };
    else whole.push(piece);
  }
  return whole;
}

/** At most `length` bytes of a piece, and the rest of it. */
function cut(piece: Piece, length: number): [Piece, Piece | undefined] {
  if (length >= piece.length) return [piece, undefined];
  return [
    { ...piece, length },
    { ...piece, offset: piece.offset + length, length: piece.length - length },
  ];
}

/** Equal stretches of at most `most` bytes. */
function divide(piece: Piece, most: number): Piece[] {
  const count = Math.ceil(piece.length / most);
  const size = Math.ceil(piece.length / count);
  const stretches: Piece[] = [];
  for (let rest: Piece | undefined = piece; rest; ) {
    const [first, after]: [Piece, Piece | undefined] = cut(rest, size);
    stretches.push(first);
    rest = after;
  }
  return stretches;
}

function lengthOf(stretches: readonly Piece[]): number {
  return stretches.reduce((sum, { length }) => sum + length, 0);
}
