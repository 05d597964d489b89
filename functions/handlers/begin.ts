import { z } from 'zod';
import { readInput } from '../run/execution-input.ts';
import { runIdOf } from '../run/run-id.ts';
import type { RunState } from '../run/state.ts';
import { InvalidInput, stateHandler } from './state-handler.ts';

const Begin = z.object({
  executionId: z.string().min(1),
  startedAt: z.string(),
  kind: z.enum(['backup', 'restore', 'replicate']),
  input: z.unknown(),
  /** What the deployment has executions do that don't say. */
  defaults: z.record(z.string(), z.unknown()).default({}),
});

/**
 * Begin: checks what was asked for and gives the run its id; a Replicate is no run itself, its halves are. Touches
 * nothing, so that a refusal leaves nothing.
 */
export const begin = stateHandler(
  Begin,
  async ({ kind, executionId, startedAt, input, defaults }, { unavailable = [] }) => {
    const read = readInput(kind, isObject(input) ? { ...defaults, ...input } : input);
    if ('complaint' in read) throw refusal(kind, read.complaint);
    const missing = asksForMissing(read.input, unavailable);
    if (missing) throw refusal(kind, missing);
    // As given: each half fills in the defaults of its own machine
    if (kind === 'replicate') return { backup: {}, restore: {}, ...(input as object) };
    const run: RunState = { id: runIdOf(executionId, startedAt), kind, executionId, startedAt, round: 1 };
    return { run, options: read.input };
  },
);

function refusal(kind: string, complaint: string): InvalidInput {
  return new InvalidInput(`the input of ${kind} does not fit: ${complaint} (docs/inputs.md)`);
}

/** What would otherwise be found missing hours later. Of a Replicate, its target's functions know the Restore half. */
function asksForMissing(input: object, unavailable: readonly string[]): string | undefined {
  const options = 'restore' in input ? input.restore : input;
  const asked = unavailable.filter((option) => (options as Record<string, unknown>)[option] === true);
  return asked.length === 0
    ? undefined
    : asked.map((option) => `this deployment has nothing configured for ${option}`).join('; ');
}

function isObject(input: unknown): input is Record<string, unknown> {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}
