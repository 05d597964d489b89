/**
 * The process that looks after one embedded server. It is started by supervised.ts with the pipe of its standard input held
 * open by the process that wants the server. When that pipe closes, however that process ended (return, exception, Ctrl-C,
 * SIGKILL), the server is stopped and its directory removed. It runs in a session of its own, so that a
 * terminal's Ctrl-C reaches the person's program first.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chown, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Command, ServerPlan, SupervisorReport } from './server-plan.ts';

/** Milliseconds between one stop signal and the next, harder one. */
const patience = 5_000;

let running: ChildProcess | undefined;
let ending = false;
let filled: Promise<void> = Promise.resolve();

function report(what: SupervisorReport): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

function start(plan: ServerPlan, command: Command): ChildProcess {
  const log = openSync(join(plan.directory, 'server.log'), 'a');
  try {
    return spawn(command.file, command.args, {
      cwd: plan.directory,
      env: { ...process.env, ...command.environment },
      stdio: ['ignore', log, log],
      // A group of its own, so that what the server has started itself can be ended with it.
      detached: true,
      ...(plan.owner ?? {}),
    });
  } finally {
    closeSync(log);
  }
}

function ended(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
}

async function stopRunning(signals: readonly NodeJS.Signals[]): Promise<void> {
  const child = running;
  if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const end = ended(child);
  for (const signal of [...signals, 'SIGKILL'] as const) {
    // A stopped (SIGSTOP) server would not notice.
    process.kill(child.pid, 'SIGCONT');
    process.kill(child.pid, signal);
    const timer = new Promise<undefined>((resolve) => setTimeout(resolve, patience, undefined).unref());
    if ((await Promise.race([end, timer])) !== undefined) break;
  }
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nobody is left in the group.
  }
}

async function end(plan: ServerPlan): Promise<never> {
  ending = true;
  await filled;
  await stopRunning(plan.stopSignals);
  await rm(plan.directory, { recursive: true, force: true, maxRetries: 5 });
  process.exit(0);
}

async function fillDirectory(plan: ServerPlan): Promise<void> {
  // Others may pass through (tests with another user's rights) but not look around.
  await mkdir(plan.directory, { mode: 0o711 });
  if (plan.owner !== undefined) await chown(plan.directory, plan.owner.uid, plan.owner.gid);
  for (const [name, origin] of Object.entries(plan.folders ?? {})) {
    await cp(origin, join(plan.directory, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const [name, content] of Object.entries(plan.files ?? {})) {
    const path = join(plan.directory, name);
    await writeFile(path, content, { mode: 0o600 });
    if (plan.owner !== undefined) await chown(path, plan.owner.uid, plan.owner.gid);
  }
}

async function run(plan: ServerPlan): Promise<void> {
  const filling = fillDirectory(plan);
  filled = filling.catch(() => {});
  await filling;
  for (const command of plan.prepare ?? []) {
    if (ending) return;
    running = start(plan, command);
    const outcome = await ended(running);
    if (outcome !== 'exit code 0') {
      report({ event: 'ended', how: `${command.file} ended with ${outcome}` });
      return;
    }
  }
  if (ending) return;
  running = start(plan, plan.serve);
  const outcome = ended(running);
  report({ event: 'started', processId: running.pid ?? 0 });
  report({ event: 'ended', how: `${plan.serve.file} ended with ${await outcome}` });
}

let plan: ServerPlan | undefined;
const finish = () => (plan === undefined ? process.exit(0) : end(plan));
// The reports' reader may be gone: that is when there is work to do, not when to die.
process.stdout.on('error', () => {});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void finish());
process.stdin.on('error', () => void finish());
process.stdin.on('close', () => void finish());
createInterface({ input: process.stdin }).once('line', (line) => {
  plan = JSON.parse(line) as ServerPlan;
  run(plan).catch((error: unknown) => report({ event: 'ended', how: String(error) }));
});
