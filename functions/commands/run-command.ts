import { type ChildProcess, spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { CommandFailed, CommandTimedOut } from './errors.ts';
import { OutputTail } from './output-tail.ts';

export interface CommandOptions {
  /** Ends the command with all it has started; the call rejects with the signal's reason. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Added to this process's environment; undefined: taken out of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Told of every end but that by an abort, before the call rejects or returns. */
  readonly onEnd?: (ended: CommandEnd) => Promise<void>;
  /** Every line of standard output and standard error, as it comes. */
  readonly onLine?: (line: string) => void;
  /** For messages, instead of the command itself, which may hold secrets: `the command of --after-restore`. */
  readonly name: string;
}

export interface CommandResult {
  /** The last 64 KiB of standard output and standard error together. */
  readonly output: string;
  readonly durationMs: number;
}

export interface CommandEnd extends CommandResult {
  /** null: by a signal. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
}

const outputBytes = 64 * 1024;
/** Between the polite and the last signal. */
const graceMs = 5000;
/** How long output is waited for that something started by the command may still write after the command's end. */
const drainMs = 500;

/**
 * Runs a shell command (`/bin/sh -c`) of the user's in a process group of its own, without standard input.
 * What it leaves running in the background after a good end is let be; an abort or the time-out ends the whole group.
 * @throws CommandFailed, CommandTimedOut, the signal's reason
 */
export async function runCommand(command: string, options: CommandOptions): Promise<CommandResult> {
  const { signal, name } = options;
  signal.throwIfAborted();
  const startedAt = performance.now();
  const child = spawn('/bin/sh', ['-c', command], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  const tail = collectOutput(child, options.onLine ?? (() => {}));
  const ending = new Ending(child);
  const timer = setTimeout(() => ending.begin('time-out'), Math.min(options.timeoutMs, 2 ** 31 - 1));
  const abort = () => ending.begin('abort');
  signal.addEventListener('abort', abort, { once: true });
  try {
    const end = await endOf(child, name);
    await ending.groupGone();
    tail.finish();
    if (ending.reason === 'abort') signal.throwIfAborted();
    const result = { output: tail.text(), durationMs: performance.now() - startedAt };
    await options.onEnd?.({ ...result, exitCode: end.code, timedOut: ending.reason === 'time-out' });
    if (ending.reason === 'time-out') {
      const seconds = Math.round(options.timeoutMs / 1000);
      throw new CommandTimedOut(`${name} was ended after ${seconds} s${lastLines(tail.text())}`);
    }
    if (end.code !== 0) throw new CommandFailed(`${name} ended ${describe(end)}${lastLines(tail.text())}`);
    return result;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    ending.stop();
  }
}

function collectOutput(child: ChildProcess, onLine: (line: string) => void): OutputTail {
  const tail = new OutputTail(outputBytes, onLine);
  for (const stream of [child.stdout, child.stderr]) {
    const decoder = new StringDecoder('utf8');
    stream?.on('data', (bytes: Buffer) => tail.add(bytes, decoder.write(bytes)));
    stream?.on('error', () => {});
  }
  return tail;
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** When the command has ended and its output is in, or held open by something in the background. */
function endOf(child: ChildProcess, name: string): Promise<End> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => {
      reject(new CommandFailed(`${name} could not be started: ${cause.message}`, { cause }));
    });
    child.once('close', (code, signal) => resolve({ code, signal }));
    child.once('exit', (code, signal) => {
      setTimeout(() => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve({ code, signal });
      }, drainMs).unref();
    });
  });
}

/** Ends a command's process group: first politely, then for certain. */
class Ending {
  reason: 'abort' | 'time-out' | undefined;
  #last: NodeJS.Timeout | undefined;
  readonly #child: ChildProcess;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  begin(reason: 'abort' | 'time-out'): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.#signalGroup('SIGTERM');
    this.#last = setTimeout(() => this.#signalGroup('SIGKILL'), graceMs);
  }

  /** The id of a group that is gone may become somebody else's. */
  stop(): void {
    clearTimeout(this.#last);
  }

  /** After an abort: nothing that the command has started is running any more. */
  async groupGone(): Promise<void> {
    if (this.reason === undefined) return;
    const until = performance.now() + graceMs;
    while (this.#signalGroup(0) && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#signalGroup('SIGKILL');
  }

  #signalGroup(signal: NodeJS.Signals | 0): boolean {
    if (this.#child.pid === undefined) return false;
    try {
      return process.kill(-this.#child.pid, signal);
    } catch {
      return false;
    }
  }
}

function describe(end: End): string {
  return end.signal === null ? `with exit code ${end.code}` : `by ${end.signal}`;
}

function lastLines(output: string): string {
  const lines = output.trimEnd().split('\n').slice(-10).join('\n').slice(-2000);
  return lines === '' ? ', without any output' : `; its last lines:\n${lines}`;
}
