import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';

const module = new URL('../../cli/signals.ts', import.meta.url).pathname;

/** Waits for the abort, then takes a while to clean up. */
async function runUntilReady(cleanUpMs: number) {
  const script = `
    const { abortOnSignals } = await import(${JSON.stringify(module)});
    const controller = new AbortController();
    abortOnSignals(controller, process.stderr);
    controller.signal.addEventListener('abort', () =>
      setTimeout(() => { console.log('cleaned up'); process.exit(controller.signal.reason.exitCode); }, ${cleanUpMs}));
    setInterval(() => {}, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let output = '';
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (output += text));
  await once(child.stdout, 'data');
  const ended = once(child, 'exit').then(([code]) => ({ code, output: () => output }));
  return { child, ended };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s lets the run clean up and ends with 130',
  async (signal) => {
    const { child, ended } = await runUntilReady(300);
    child.kill(signal);
    const { code, output } = await ended;
    expect(code).toBe(130);
    expect(output()).toContain('removing what was built');
    expect(output()).toContain('cleaned up');
  },
);

test('a second signal ends the process at once', async () => {
  const { child, ended } = await runUntilReady(60_000);
  child.kill('SIGINT');
  await pause(500);
  child.kill('SIGINT');
  const { code, output } = await ended;
  expect(code).toBe(130);
  expect(output()).not.toContain('cleaned up');
});

test('a Ctrl-C that arrives twice, as under npm, is one', async () => {
  const { child, ended } = await runUntilReady(600);
  child.kill('SIGINT');
  await pause(30);
  child.kill('SIGINT');
  const { code, output } = await ended;
  expect(code).toBe(130);
  expect(output()).toContain('cleaned up');
});
