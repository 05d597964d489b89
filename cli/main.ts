import { collectGarbage } from './collect-garbage.ts';
import { failureOf, printFailure } from './failure.ts';
import type { Io } from './io.ts';
import { replicator } from './replicator.ts';
import { abortOnSignals, lookingAway } from './signals.ts';

// Arguments can hold passwords, and everybody on a machine can read the arguments of its processes
process.title = `replicator ${/^[a-z-]+$/.exec(process.argv[2] ?? '')?.[0] ?? ''}`.trim();

// A reader that went away (| head) or a closed terminal is no reason to fail a run
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const controller = new AbortController();
abortOnSignals(
  controller,
  process.stderr,
  /^(start|status)$/.test(process.argv[2] ?? '') ? lookingAway : undefined,
);

// Nobody's promise or socket: the run ends as it does on Ctrl-C, and says why
let crash: { error: unknown } | undefined;
process.on('uncaughtException', (error) => {
  crash ??= { error };
  controller.abort(error);
});

const io: Io = {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  environment: process.env,
  signal: controller.signal,
};
let exitCode = await replicator(process.argv.slice(2), io);
if (crash && exitCode === 0) {
  printFailure(failureOf(crash.error, controller.signal), crash.error, io, false);
  exitCode = 1;
}

// Idle connections that are kept alive would hold the process for seconds
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
collectGarbage();
process.exit(exitCode);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve();
    else stream.write('', () => resolve());
  });
}
