import { randomBytes } from 'node:crypto';

/** Names one try at a piece of work: no two may write the same working object or hold the same session. */
export function newAttempt(): string {
  return randomBytes(6).toString('hex');
}
