/** Where a worker's bytes come from and go to; each thread opens its own connections to them. */
export interface ThreadPlaces {
  readonly store: string;
  readonly source?: string | undefined;
  readonly target?: string | undefined;
  readonly sourceMedia?: string | undefined;
  readonly targetMedia?: string | undefined;
  /** Secret of the masks; it stays within this process. */
  readonly maskKey?: string | undefined;
}

/** What a thread is asked. */
export type Request =
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly handler: string;
      readonly input: unknown;
      /** Milliseconds that the handler has; Infinity where nothing ends it. */
      readonly remainingMs: number;
    }
  | { readonly kind: 'abort'; readonly id: number; readonly reason: string };

export interface Amounts {
  readonly bytes?: number;
  readonly rows?: number;
  readonly files?: number;
}

/** What it answers. */
export type Answer =
  | { readonly kind: 'advance' | 'expect'; readonly id: number; readonly amounts: Amounts }
  | { readonly kind: 'warn'; readonly id: number; readonly message: string }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ThrownError };

/** An error on its way between threads: its class does not survive that. */
export interface ThrownError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
}
