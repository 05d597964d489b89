import { z } from 'zod';
import { errorOf } from '../errors/replicator-error.ts';
import type { Surroundings } from '../run/surroundings.ts';

export class InvalidInput extends errorOf({
  code: 'InvalidInput',
  exitCode: 2,
  meaning: "A state's input, or an execution's, does not fit its schema; the message names the field.",
}) {}

/** One state of a machine: what the state hands in, and what it passes on. The same on Lambda and on one machine. */
export type StateHandler = (input: unknown, surroundings: Surroundings) => Promise<unknown>;

/** Puts a schema before a state's work: what does not fit is refused by name, before anything is touched. */
export function stateHandler<Schema extends z.ZodType>(
  schema: Schema,
  work: (input: z.infer<Schema>, surroundings: Surroundings) => Promise<unknown>,
): StateHandler {
  return async (input, surroundings) => {
    const parsed = schema.safeParse(input);
    if (!parsed.success) throw new InvalidInput(z.prettifyError(parsed.error), { cause: parsed.error });
    surroundings.signal.throwIfAborted();
    return work(parsed.data, surroundings);
  };
}
