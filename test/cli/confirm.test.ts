import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { confirm } from '../../cli/confirm.ts';
import type { Io } from '../../cli/io.ts';
import { Interrupted } from '../../functions/errors/usage.ts';

function terminal(tty = true) {
  const controller = new AbortController();
  const stdin = Object.assign(new PassThrough(), { isTTY: tty });
  const stderr = Object.assign(new PassThrough(), { isTTY: tty });
  const io: Io = { stdout: new PassThrough(), stderr, stdin, environment: {}, signal: controller.signal };
  return { io, stdin, stderr, controller };
}

test.each([
  ['y', true],
  ['Yes', true],
  [' YES ', true],
  ['', false],
  ['n', false],
  ['yes please', false],
])('takes %j for %s', async (typed, answer) => {
  const { io, stdin, stderr } = terminal();
  const asked = confirm('Replace it?', io);
  stdin.write(`${typed}\n`);
  expect(await asked).toBe(answer);
  expect(String(stderr.read())).toContain('Replace it? [y/N]');
});

test('takes the end of input for no', async () => {
  const { io, stdin } = terminal();
  const asked = confirm('Replace it?', io);
  stdin.end();
  expect(await asked).toBe(false);
});

test('asks nobody, and goes on with no, where there is no terminal', async () => {
  const { io, stderr } = terminal(false);
  expect(await confirm('Replace it?', io)).toBe(false);
  expect(stderr.read()).toBeNull();
  const { stdin: _, ...without } = terminal().io;
  expect(await confirm('Replace it?', without)).toBe(false);
});

test('is ended by the abort of the run', async () => {
  const { io, controller } = terminal();
  const asked = confirm('Replace it?', io);
  controller.abort(new Interrupted('ended by SIGINT'));
  await expect(asked).rejects.toThrow('ended by SIGINT');
});
