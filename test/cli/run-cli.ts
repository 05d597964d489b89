import { type ChildProcess, spawn } from 'node:child_process';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { replicator } from '../../cli/replicator.ts';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Runs it as another user. */
  readonly uid?: number;
}

/** Starts `replicator …`; nobody is at a terminal. */
export function startCli(args: readonly string[], options: CliOptions = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (text) => (stdout += text));
  child.stderr?.on('data', (text) => (stderr += text));
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
  return { child, ended };
}

/** Runs `replicator …` to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).ended;
}

/** Runs it inside this process, which is faster; S3 is where this process's own environment says. */
export async function cliInProcess(args: readonly string[], signal?: AbortSignal): Promise<CliResult> {
  const stdout = new Collector();
  const stderr = new Collector();
  const code = await replicator(args, {
    stdout,
    stderr,
    environment: process.env,
    signal: signal ?? new AbortController().signal,
  });
  return { code, stdout: stdout.text, stderr: stderr.text };
}

/** The document that `--json` printed; fails with all that was printed where the command did not end well. */
// biome-ignore lint/suspicious/noExplicitAny: each command has a document of its own
export function documentOf({ code, stdout, stderr }: CliResult): any {
  if (code !== 0) throw new Error(`replicator ended with ${code}:\n${stderr}${stdout}`);
  return JSON.parse(stdout);
}

class Collector extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}
