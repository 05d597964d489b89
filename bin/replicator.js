#!/usr/bin/env -S node --max-semi-space-size=4
// Plain JavaScript that any Node from 20 can run: runs the command line on Node 24, itself or another one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const neededMajor = 24;
/** Bytes are moved in large buffers outside of it, so that it is only memory that stays taken: 50 to 75 MB less. */
const smallNursery = '--max-semi-space-size=4';
/** Set for the Node 24 that this file starts, so that it knows whose channel it has. */
const launchedMark = 'REPLICATOR_LAUNCHED';

// Compression and files share this pool; it is made when it is first used.
process.env.UV_THREADPOOL_SIZE ??= String(Math.max(4, availableParallelism()));

// A third of a short run was TypeScript made into JavaScript and that compiled. Kept where nobody can write who could not
// write the program itself; where this user can't either, it is as it was. Worker threads look at the variable, too.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../node_modules/.cache/replicator', import.meta.url),
);

if (Number(process.versions.node.split('.')[0]) >= neededMajor) {
  if (process.env[launchedMark] !== undefined) dieWithLauncher();
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
  await import('../cli/main.ts');
} else {
  launch(findNode());
}

/** The npm package `node` puts it beside the other dependencies. */
function findNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  try {
    const manifest = createRequire(import.meta.url).resolve('node/package.json');
    const file = join(dirname(manifest), 'bin', name);
    if (existsSync(file)) return file;
  } catch {
    // Installed without development dependencies.
  }
  process.stderr.write(
    `replicator needs Node ${neededMajor} or newer, and this is Node ${process.versions.node}. ` +
      'Install it, or run npm ci (with development dependencies) in the project: it brings Node 24 along.\n',
  );
  process.exit(2);
}

function launch(node) {
  const args = process.argv.slice(2);
  // Arguments can hold passwords, and everybody on a machine can read the arguments of its processes.
  process.title = 'replicator launcher';
  // A process group of its own: a terminal sends Ctrl-C to this process alone, which passes each signal on once.
  const child = spawn(node, [smallNursery, fileURLToPath(import.meta.url), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [launchedMark]: '1' },
    detached: true,
  });
  const passedOn = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH', 'SIGUSR2'];
  for (const signal of passedOn) process.on(signal, () => child.kill(signal));
  // Ctrl-Z and fg
  process.on('SIGTSTP', () => {
    child.kill('SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  });
  process.on('SIGCONT', () => child.kill('SIGCONT'));

  child.on('error', (error) => {
    process.stderr.write(`replicator: ${node} can't be started: ${error.message}\n`);
    process.exit(2);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of passedOn) process.removeAllListeners(name);
    process.kill(process.pid, signal);
    // Where the signal doesn't end this process, the shells' number for it does.
    setTimeout(() => process.exit(1), 1000);
  });
}

/** However the launcher ends, SIGKILL included, the channel closes: nothing may go on that nobody can stop. */
function dieWithLauncher() {
  delete process.env[launchedMark];
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel?.unref();
}
