/** What the process of a person ends with; docs/errors.md lists them. */
export type ExitCode = 1 | 2 | 3 | 4 | 130;

export interface ErrorKind {
  /** Stable, literal (minifying bundlers rename classes): the `name` that Lambda reports as errorType. */
  readonly code: string;
  readonly exitCode: ExitCode;
  /** One sentence for docs/errors.md: when it is thrown and what to do. */
  readonly meaning: string;
  /** The snapshot is lost but nothing else: the backup may start over once. */
  readonly startOver?: boolean;
}

/** The base of every error this project throws on purpose. The message says what to do next. */
export class ReplicatorError extends Error {
  readonly code: string;
  readonly exitCode: ExitCode;
  readonly startOver: boolean;

  constructor(kind: ErrorKind, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = kind.code;
    this.code = kind.code;
    this.exitCode = kind.exitCode;
    this.startOver = kind.startOver ?? false;
  }
}

const kinds = new Map<string, ErrorKind>();

/**
 * Makes the class of one kind of error and enters it in the catalogue.
 * `class BucketMissing extends errorOf({ code: 'BucketMissing', … }) {}`
 */
export function errorOf(
  kind: ErrorKind,
): new (
  message: string,
  options?: { cause?: unknown },
) => ReplicatorError {
  if (kinds.has(kind.code)) throw new TypeError(`error code ${kind.code} is defined twice`);
  kinds.set(kind.code, kind);
  return class extends ReplicatorError {
    constructor(message: string, options?: { cause?: unknown }) {
      super(kind, message, options);
    }
  };
}

/** Every kind defined by the modules imported so far, by code. */
export function catalogue(): readonly ErrorKind[] {
  return [...kinds.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
}

/** Looks a kind up, for errors that arrive as text (a failure document, a state's Cause). */
export function kindOf(code: string): ErrorKind | undefined {
  return kinds.get(code);
}
