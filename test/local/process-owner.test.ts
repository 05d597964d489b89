import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { isProcessAlive, thisProcess } from '../../local/process-owner.ts';

const module = new URL('../../local/process-owner.ts', import.meta.url).pathname;

/** A process that says who it is and then waits. */
async function another() {
  const script = `const { thisProcess } = await import(${JSON.stringify(module)});
    console.log(JSON.stringify(await thisProcess())); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { child, owner: JSON.parse(String(line)) };
}

test('this process is alive', async () => {
  expect(await isProcessAlive(await thisProcess())).toBe(true);
});

test('another process is alive until it is killed, and not any more after that', async () => {
  const { child, owner } = await another();
  expect(owner.pid).toBe(child.pid);
  expect(await isProcessAlive(owner)).toBe(true);
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
  expect(await isProcessAlive(owner)).toBe(false);
});

test('a process that has ended but was not waited for is not alive', async () => {
  // The shell replaces itself by a sleep that never asks for its child's end
  const parent = spawn('sh', ['-c', 'sh -c "exit 0" & echo $!; exec sleep 30'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(parent.stdout, 'data');
  await new Promise((resolve) => setTimeout(resolve, 200));
  try {
    expect(await isProcessAlive({ ...(await thisProcess()), pid: Number(line) })).toBe(false);
  } finally {
    parent.kill('SIGKILL');
  }
});

test('another process that got the id of one that has ended is not taken for it', async () => {
  const { child, owner } = await another();
  try {
    expect(await isProcessAlive({ ...owner, startedAt: '1' })).toBe(false);
  } finally {
    child.kill('SIGKILL');
  }
});

test('what this machine cannot see counts as alive: other hosts, other boots and containers, executions', async () => {
  const dead = { ...(await thisProcess()), pid: 2 ** 22 + 1 };
  expect(await isProcessAlive(dead)).toBe(false);
  expect(await isProcessAlive({ ...dead, host: 'elsewhere' })).toBe(undefined);
  expect(await isProcessAlive({ ...dead, bootId: 'another' })).toBe(undefined);
  expect(await isProcessAlive({ kind: 'execution', arn: 'arn:aws:states:…' })).toBe(true);
});
