import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { sections } from './sections.ts';

/** The version that is written; a reader takes newer ones, of which it shows what it knows. */
export const reportVersion = 1;

/** How long a state took, over all its invocations. */
export const StateTime = z.object({
  state: z.string(),
  beganAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Seconds between the first beginning and the last end. */
  seconds: z.number().nonnegative(),
  invocations: z.int().positive(),
});
export type StateTime = z.infer<typeof StateTime>;

/**
 * `reports/<run>.json`: what one restore came to, whatever it ended with. Written once, when the run is cleaned up,
 * and kept when nothing else of the run is.
 */
export const Report = z.object({
  format: z.literal('nautobot-replicator-report'),
  version: z.int().min(reportVersion),
  runId: RunId,
  /** `restored`, or what ended the run: `failed`, `aborted`, `timed_out`, `died`. */
  outcome: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  target: z.object({ host: z.string(), port: z.int(), database: z.string() }).nullable(),
  /** The database that was in use before is kept, or was to be. */
  keepPrevious: z.boolean(),
  failure: z.object({ error: z.string(), message: z.string(), state: z.string() }).nullable(),
  sections: z.object(sections).partial(),
  notes: z.array(z.string()),
  /** In the order in which they began. */
  states: z.array(StateTime),
});
export type Report = z.infer<typeof Report>;
