import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type SupervisedServer, startSupervised } from '../../../local/servers/supervised.ts';
import { freshFolder } from '../../servers/fresh-folder.ts';

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}

async function sleeper(script = 'sleep 600 & echo $! > grandchild; wait'): Promise<SupervisedServer> {
  const directory = join(await freshFolder(), 'server');
  return startSupervised(
    { directory, serve: { file: 'sh', args: ['-c', script] }, stopSignals: ['SIGTERM'] },
    async () => existsSync(join(directory, 'grandchild')),
  );
}

/** A program that starts a sleeper and then ends in some way. */
async function holder(
  how: string,
): Promise<{ child: ChildProcess; server: { processId: number; directory: string } }> {
  const supervised = fileURLToPath(new URL('../../../local/servers/supervised.ts', import.meta.url));
  const directory = join(await freshFolder(), 'server');
  const program = `
    import { existsSync } from 'node:fs';
    import { startSupervised } from ${JSON.stringify(supervised)};
    const server = await startSupervised(
      ${JSON.stringify({ directory, serve: { file: 'sh', args: ['-c', 'touch up; exec sleep 600'] }, stopSignals: ['SIGTERM'] })},
      async () => existsSync(${JSON.stringify(join(directory, 'up'))}),
    );
    console.log(JSON.stringify({ processId: server.processId, directory: server.directory }));
    ${how}
  `;
  const child = spawn(process.execPath, ['--no-warnings', '--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [
    string,
  ];
  return { child, server: JSON.parse(line) };
}

async function gone(server: { processId: number; directory: string }): Promise<boolean> {
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline) {
    if (!isAlive(server.processId) && !existsSync(server.directory)) return true;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
}

test('stop ends the server, what it started, and its directory; again does nothing', async () => {
  const server = await sleeper();
  expect(isAlive(server.processId)).toBe(true);
  await server.stop();
  expect(isAlive(server.processId)).toBe(false);
  expect(existsSync(server.directory)).toBe(false);
  await server.stop();
  expect(await server.ended).toMatch(/SIGTERM/);
});

test('a frozen server is stopped as well', async () => {
  const server = await sleeper();
  process.kill(server.processId, 'SIGSTOP');
  await server.stop();
  expect(isAlive(server.processId)).toBe(false);
});

test('a server that ends by itself before it is ready is reported with its log', async () => {
  await expect(sleeper('echo no room left >&2; exit 3')).rejects.toThrow(/exit code 3[\s\S]*no room left/);
});

test('a program that is not there is reported by name', async () => {
  const directory = join(await freshFolder(), 'server');
  const plan = { directory, serve: { file: 'no-such-program', args: [] }, stopSignals: [] };
  await expect(startSupervised(plan, async () => false)).rejects.toThrow(/no-such-program/);
  expect(existsSync(directory)).toBe(false);
});

test.each([
  ['returns', ''],
  ['throws', "throw new Error('on purpose');"],
  ['exits', 'process.exit(7);'],
  ['kills itself', "process.kill(process.pid, 'SIGKILL');"],
])('no server is left when the program that wanted it %s', async (_, how) => {
  const { child, server } = await holder(how);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  expect(await gone(server)).toBe(true);
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)(
  'no server is left when the program that wanted it gets %s',
  async (signal) => {
    const { child, server } = await holder('setInterval(() => {}, 1000);');
    expect(isAlive(server.processId)).toBe(true);
    child.kill(signal);
    await once(child, 'exit');
    expect(await gone(server)).toBe(true);
  },
);
