/** Share of a lifetime that is kept for coming to a good end, and its bound: Lambda's 15 minutes leave 90 seconds. */
const endShare = 0.3;
const longestEndMs = 90_000;

/** How long a handler may go on before what is left to do belongs to its next invocation. Made when it begins. */
export class Lifetime {
  readonly #remainingMs: () => number;
  readonly #endMs: number;
  /** Seconds from when it was made; Infinity where nothing ends the handler. */
  readonly wholeSeconds: number;

  /** @param remainingMs milliseconds until the handler is ended; Infinity where nothing ends it */
  constructor(remainingMs: () => number) {
    this.#remainingMs = remainingMs;
    const whole = remainingMs();
    this.wholeSeconds = whole / 1000;
    this.#endMs = Number.isFinite(whole) ? Math.min(longestEndMs, whole * endShare) : 0;
  }

  /** Nothing new should begin. */
  get isNearlyOver(): boolean {
    return this.leftMs() <= 0;
  }

  /** Milliseconds until then; Infinity where nothing ends the handler. */
  leftMs(): number {
    return this.#remainingMs() - this.#endMs;
  }
}

/** Of a handler that nothing ends. */
export const endless = new Lifetime(() => Number.POSITIVE_INFINITY);

/** What a handler returns whose state is entered again until it has done all. */
export interface Progressed {
  readonly more: boolean;
}
