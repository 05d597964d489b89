import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { loadavg } from 'node:os';
import type { Readable } from 'node:stream';
import { residentBytes } from './process-tree.ts';

/** What one run of a command cost its machine; the servers' share is not in it. */
export interface Measurement {
  readonly seconds: number;
  /** User and system time of all its processes. */
  readonly cpuSeconds: number;
  /** The largest sum of its processes' resident memory that was seen, looking ten times a second. */
  readonly peakBytes: number;
  /** Load of the machine over the last minute when it began, which the run before is part of. */
  readonly loadBefore: number;
  /** Processor time that the servers took meanwhile, where the kernel tells (Linux). */
  readonly servers?: { readonly postgres: number; readonly store: number };
}

/** A command ended with another status than 0. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

const sampleMilliseconds = 100;
/** Milliseconds from SIGTERM to SIGKILL. */
const patience = 5_000;

/**
 * Runs a script with bash and measures it. `times` of the shell counts every process that somebody has waited for,
 * which all of a pipeline's are.
 * @param environment is all the environment it gets
 * @throws CommandFailed with the end of what it wrote on standard error; the signal's reason when that ends it
 */
export async function measure(
  script: string,
  environment: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Measurement> {
  signal.throwIfAborted();
  const loadBefore = loadavg()[0] ?? 0;
  const began = performance.now();
  const shell = spawn('bash', ['-c', `set -euo pipefail\n${script}\ntimes >&3`], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // A group of its own, so that all of it can be ended.
    detached: true,
  });
  const [times, errors] = [collect(shell.stdio[3] as Readable), collect(shell.stdio[2] as Readable)];
  const end = () => endGroup(shell);
  signal.addEventListener('abort', end, { once: true });
  let peakBytes = 0;
  const sample = setInterval(async () => {
    const bytes = await residentBytes(shell.pid ?? 0).catch(() => 0);
    peakBytes = Math.max(peakBytes, bytes);
  }, sampleMilliseconds);
  try {
    const [code, killedBy] = (await once(shell, 'exit')) as [number | null, string | null];
    const seconds = (performance.now() - began) / 1000;
    signal.throwIfAborted();
    if (code !== 0)
      throw new CommandFailed(
        `ended with ${killedBy ?? `status ${code}`}: ${(await errors).trim().slice(-1500)}`,
      );
    return { seconds, cpuSeconds: sumOfTimes(await times), peakBytes, loadBefore };
  } finally {
    clearInterval(sample);
    signal.removeEventListener('abort', end);
  }
}

/** Seconds in the two lines that `times` writes: the shell's user and system time, and that of its children. */
export function sumOfTimes(text: string): number {
  const found = [...text.matchAll(/(\d+)m([\d.]+)s/g)];
  if (found.length !== 4) throw new TypeError(`not what the shell's times writes: ${JSON.stringify(text)}`);
  return found.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0);
}

function endGroup(shell: ChildProcess): void {
  const send = (signal: NodeJS.Signals) => {
    try {
      if (shell.pid !== undefined) process.kill(-shell.pid, signal);
    } catch {
      // Nobody is left in the group.
    }
  };
  send('SIGTERM');
  setTimeout(send, patience, 'SIGKILL').unref();
}

async function collect(stream: Readable): Promise<string> {
  let text = '';
  for await (const part of stream.setEncoding('utf8')) text = (text + part).slice(-100_000);
  return text;
}
