import { createHash } from 'node:crypto';

/** Settings of a session that masks: names that no module of the server has. */
export const innerSetting = 'replicator.mask_inner';
export const outerSetting = 'replicator.mask_outer';

const blockBytes = 64;

/**
 * Start-up settings of a session whose statements mask: the two keys that HMAC (RFC 2104) makes of a key. They travel in
 * the start-up packet, so that no statement, no log of statements and no view of sessions ever shows them.
 */
export function maskSettings(key: string): Readonly<Record<string, string>> {
  const bytes = Buffer.from(key, 'utf8');
  const block = Buffer.alloc(blockBytes);
  (bytes.length > blockBytes ? createHash('sha256').update(bytes).digest() : bytes).copy(block);
  const pad = (value: number) => Buffer.from(block.map((byte) => byte ^ value)).toString('hex');
  return { [innerSetting]: pad(0x36), [outerSetting]: pad(0x5c) };
}
