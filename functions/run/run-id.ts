import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';

/** `20261123T054300Z-k3f9qa`: sorts by time, safe in object keys, database names and application names. */
export const RunId = z
  .string()
  .regex(/^\d{8}T\d{6}Z-[0-9a-z]{6}$/, 'is not an id like 20261123T054300Z-k3f9qa');
export type RunId = z.infer<typeof RunId>;

/**
 * The id of a run is a function of its execution alone, so that a retried first state finds the same one.
 * @param executionId ARN, or any text that is unique to the execution
 * @param startedAt ISO 8601 time of the execution's start
 */
export function runIdOf(executionId: string, startedAt: string): RunId {
  const time = new Date(startedAt).toISOString().replace(/[-:]|\.\d+/g, '');
  const digest = createHash('sha256').update(executionId).digest();
  const suffix = digest.readBigUInt64BE(0).toString(36).padStart(6, '0').slice(-6);
  return `${time}-${suffix}`;
}

/** The id of what no machine executes: a look at a target, an undo. */
export function newRunId(startedAt: string = new Date().toISOString()): RunId {
  return runIdOf(randomUUID(), startedAt);
}
