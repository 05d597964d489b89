import { rates, usableSeconds } from './rates.ts';

/**
 * Seconds until all is done when `workers` take one item after another from the list: as a fan-out's children and
 * a pool of sessions do.
 */
export function listSchedule(seconds: readonly number[], workers: number): number {
  // The workers' times form a heap: the first to be free is at its top
  const free: number[] = new Array(Math.max(1, Math.min(workers, seconds.length))).fill(0);
  for (const each of seconds) {
    free[0] = (free[0] ?? 0) + each;
    sink(free);
  }
  return Math.max(0, ...free);
}

function sink(heap: number[]): void {
  for (let at = 0; ; ) {
    let least = at;
    for (const child of [2 * at + 1, 2 * at + 2])
      if ((heap[child] ?? Number.POSITIVE_INFINITY) < (heap[least] ?? 0)) least = child;
    if (least === at) return;
    [heap[at], heap[least]] = [heap[least] ?? 0, heap[at] ?? 0];
    at = least;
  }
}

export interface Invocations {
  readonly count: number;
  /** Of all of them, their starts included. */
  readonly seconds: number;
}

/** Invocations that share work which one of them may not be able to finish. */
export function invocationsFor(seconds: number): Invocations {
  const usable = usableSeconds - rates.invocationSeconds;
  const count = Math.max(1, Math.ceil(seconds / usable));
  return { count, seconds: seconds + count * rates.invocationSeconds };
}
