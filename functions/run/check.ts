import { z } from 'zod';
import { ReplicatorError } from '../errors/replicator-error.ts';

/** One thing that was looked at before anything is built. `unknown`: it could not be looked at from here. */
export interface Check {
  /** What was looked at, as in `extensions`; several checks may have one name. */
  readonly name: string;
  readonly outcome: 'ok' | 'warning' | 'unknown' | 'refused';
  /** What was found, and where it is refused, what to do. */
  readonly message: string;
  /** What a refusal is thrown as when it is the only one. */
  readonly error?: ReplicatorError;
}

/** A check as reports and the output of a dry run hold it. */
export const CheckEntry = z.object({
  name: z.string(),
  outcome: z.enum(['ok', 'warning', 'unknown', 'refused']),
  message: z.string(),
  /** Of a refusal: its code in docs/errors.md. */
  code: z.string().optional(),
});
export type CheckEntry = z.infer<typeof CheckEntry>;

export function checkEntry({ name, outcome, message, error }: Check): CheckEntry {
  return { name, outcome, message, ...(error && { code: error.code }) };
}

export function fine(name: string, message: string): Check {
  return { name, outcome: 'ok', message };
}

export function warning(name: string, message: string): Check {
  return { name, outcome: 'warning', message };
}

export function unknown(name: string, message: string): Check {
  return { name, outcome: 'unknown', message };
}

export function refused(name: string, error: ReplicatorError): Check {
  return { name, outcome: 'refused', message: error.message, error };
}

/** Checks of one name: those that found something, or a single one that says that all is well. */
export function foundOr(name: string, found: readonly Check[], message: string): readonly Check[] {
  return found.length > 0 ? found : [fine(name, message)];
}

/**
 * Does what throws when something is wrong, as a check. Only errors about what was asked for, or what is missing for it
 * (exit codes 2 and 3), are findings; everything else is thrown on, and so is the end of an aborted run.
 */
export async function tried(
  name: string,
  work: () => Promise<string>,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  try {
    return [fine(name, await work())];
  } catch (error) {
    if (!isRefusal(error) || signal?.aborted) throw error;
    return [refused(name, error)];
  }
}

/** The refusals among the checks, those by safety rules (exit code 3) first. */
export function refusalsOf(checks: readonly Check[]): ReplicatorError[] {
  const errors = checks.flatMap(({ error }) => (error ? [error] : []));
  return errors.toSorted((a, b) => Number(b.exitCode === 3) - Number(a.exitCode === 3));
}

function isRefusal(error: unknown): error is ReplicatorError {
  return error instanceof ReplicatorError && (error.exitCode === 2 || error.exitCode === 3);
}
