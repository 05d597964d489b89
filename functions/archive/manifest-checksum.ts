import { createHash } from 'node:crypto';

/** SHA-256 of the document without its checksum, as `JSON.stringify` writes it without spaces. */
export function checksumOf(document: object): string {
  const { checksum: _, ...rest } = document as { checksum?: unknown };
  return createHash('sha256').update(JSON.stringify(rest)).digest('hex');
}
