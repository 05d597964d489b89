import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { freshFolder } from '../servers/fresh-folder.ts';

const launcher = fileURLToPath(new URL('../../bin/replicator.js', import.meta.url));

/** Makes the Node that runs the tests, whichever it is, look like Node 20 to the launcher. */
const asNode20 = [
  '--import',
  `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.19.0'})`,
];

/** A project with the real launcher, and a command line that does what a test wants to see. */
async function project(commandLine: string, node24 = true): Promise<string> {
  const folder = await freshFolder('launcher');
  await mkdir(join(folder, 'bin'));
  await mkdir(join(folder, 'cli'));
  await mkdir(join(folder, 'node_modules'));
  await writeFile(join(folder, 'package.json'), '{"type":"module"}');
  await copyFile(launcher, join(folder, 'bin/replicator.js'));
  await writeFile(join(folder, 'cli/main.ts'), `const type: string = 'script';\n${commandLine}`);
  if (node24) {
    const installed = dirname(createRequire(import.meta.url).resolve('node/package.json'));
    await symlink(installed, join(folder, 'node_modules/node'));
  }
  return join(folder, 'bin/replicator.js');
}

interface Running {
  readonly child: ChildProcess;
  /** Resolves when the standard output holds the text. */
  says(text: string): Promise<void>;
  readonly end: Promise<{
    code: number | null;
    signal: NodeJS.Signals | null;
    stdout: string;
    stderr: string;
  }>;
}

function run(file: string, nodeArguments: readonly string[], ...args: readonly string[]): Running {
  const child = spawn(process.execPath, [...nodeArguments, file, ...args], { stdio: 'pipe', detached: true });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const end = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }));
  const says = async (text: string) => {
    while (!stdout.includes(text)) {
      if (child.exitCode !== null) throw new Error(`ended without saying ${text}: ${stdout}${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, says, end };
}

const facts = `console.log(JSON.stringify({ major: parseInt(process.version.slice(1)), pid: process.pid, type,
  args: process.argv.slice(2), marks: Object.keys(process.env).filter((name) => name.startsWith('REPLICATOR_')) }));`;

test('on Node 24 the command line runs in the same process', async () => {
  const { child, end } = run(await project(facts), [], 'list', '--json', 'a b');
  expect(JSON.parse((await end).stdout)).toEqual({
    major: expect.any(Number),
    pid: child.pid,
    type: 'script',
    args: ['list', '--json', 'a b'],
    marks: [],
  });
});

test('on Node 20 the command line runs on the Node 24 of the npm package', async () => {
  const { child, end } = run(await project(facts), asNode20, 'list', '--json', 'a b');
  const { stdout, code } = await end;
  const told = JSON.parse(stdout);
  expect(told).toMatchObject({ type: 'script', args: ['list', '--json', 'a b'], marks: [] });
  expect(told.major).toBeGreaterThanOrEqual(24);
  expect(told.pid).not.toBe(child.pid);
  expect(code).toBe(0);
});

test('the exit code is passed on', async () => {
  expect((await run(await project('process.exitCode = 4;'), asNode20).end).code).toBe(4);
});

test('standard input, output and error are those of the command line', async () => {
  const echo = `process.stderr.write('ready'); process.stdin.pipe(process.stdout);`;
  const { child, end } = run(await project(echo), asNode20);
  child.stdin?.end('from the pipe');
  expect(await end).toMatchObject({ code: 0, stdout: 'from the pipe', stderr: 'ready' });
});

test('without Node 24 the message says what to do', async () => {
  const { code, stderr } = await run(await project(facts, false), asNode20).end;
  expect(code).toBe(2);
  expect(stderr).toMatch(/needs Node 24.*Node 20\.19\.0.*npm ci/);
});

const countSignals = `const seen: string[] = [];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {
    seen.push(signal);
    setTimeout(() => { console.log(seen.join()); process.exit(130); }, 300);
  });
  setInterval(() => {}, 1000);
  console.log('ready');`;

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s reaches the command line once', async (signal) => {
  const { child, says, end } = run(await project(countSignals), asNode20);
  await says('ready');
  child.kill(signal);
  expect(await end).toMatchObject({ code: 130, stdout: `ready\n${signal}\n` });
});

test("a terminal's Ctrl-C, which goes to the whole process group, reaches the command line once", async () => {
  const { child, says, end } = run(await project(countSignals), asNode20);
  await says('ready');
  process.kill(-(child.pid ?? 0), 'SIGINT');
  expect(await end).toMatchObject({ code: 130, stdout: 'ready\nSIGINT\n' });
});

test('a command line that dies of a signal makes the launcher die of it', async () => {
  const { end } = run(
    await project(`process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`),
    asNode20,
  );
  expect((await end).signal).toBe('SIGTERM');
});

test('when the launcher is killed the command line dies with it and cleans nothing up', async () => {
  const { child, says, end } = run(
    await project(`process.on('exit', () => console.log('cleaning up'));
      setInterval(() => {}, 1000);
      console.log('ready');`),
    asNode20,
  );
  await says('ready');
  child.kill('SIGKILL');
  // The command line holds the standard output too: this resolves when both are gone.
  expect(await end).toMatchObject({ signal: 'SIGKILL', stdout: 'ready\n' });
});
