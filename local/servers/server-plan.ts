/** One program to run. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** What the supervisor of one server is told: a line of JSON on its standard input. */
export interface ServerPlan {
  /** Made by the supervisor, removed by it at the end; must not exist. */
  readonly directory: string;
  /** User that owns the directory and runs the commands; undefined: the same user. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Files to write into the directory first: name to content. */
  readonly files?: Readonly<Record<string, string>>;
  /** Folders to copy into the directory first: name to origin. */
  readonly folders?: Readonly<Record<string, string>>;
  /** Run to their end before the server, one after another. */
  readonly prepare?: readonly Command[];
  readonly serve: Command;
  /** Sent five seconds apart until the server has ended; SIGKILL comes last by itself. */
  readonly stopSignals: readonly NodeJS.Signals[];
}

/** Lines of JSON on the supervisor's standard output. */
export type SupervisorReport =
  | { readonly event: 'started'; readonly processId: number }
  | { readonly event: 'ended'; readonly how: string };
