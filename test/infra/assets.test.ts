import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleHandlers } from '../../infra/bundle.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';

const handlers = Object.keys(handlerNeeds);
let folder: string;

/** Every asset as Lambda unpacks it: a directory of its own, with nothing of the project above it. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assets-'));
  for (const [handler, directory] of await bundleHandlers(handlers))
    cpSync(directory, join(folder, 'assets', handler), { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a program of a few lines in an empty directory, with no more of an environment than given. */
async function inEmptyDirectory(program: string, env: Record<string, string> = {}): Promise<unknown> {
  const directory = mkdtempSync(join(folder, 'empty-'));
  const file = join(directory, 'program.mjs');
  writeFileSync(file, program);
  const { stdout } = await promisify(execFile)(process.execPath, [file], { cwd: directory, env });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
}

const importOf = (handler: string) =>
  `(await import(${JSON.stringify(join(folder, 'assets', handler, 'index.mjs'))})).handler`;
const context = '{ getRemainingTimeInMillis: () => 60000 }';

test('every asset can be imported where nothing else is, and exports its handler', async () => {
  const program = `
    const found = {};
    ${handlers.map((handler) => `found.${handler} = typeof ${importOf(handler)};`).join('\n')}
    console.log(JSON.stringify(found));`;
  expect(await inEmptyDirectory(program)).toEqual(
    Object.fromEntries(handlers.map((handler) => [handler, 'function'])),
  );
});

test('every handler refuses an input that does not fit by name, as Lambda will report it', async () => {
  const program = `
    const found = {};
    ${handlers
      .map(
        (handler) =>
          `found.${handler} = await (${importOf(handler)})({ nothing: true }, ${context}).catch((e) => e.name);`,
      )
      .join('\n')}
    console.log(JSON.stringify(found));
    process.exit(0);`;
  const env = { REPLICATOR_BUCKET: 'no-bucket', AWS_REGION: 'eu-central-1' };
  expect(await inEmptyDirectory(program, env)).toEqual(
    Object.fromEntries(handlers.map((handler) => [handler, 'InvalidInput'])),
  );
});

test('Begin gives a run its id, and the same one when it is repeated', async () => {
  const event = {
    kind: 'backup',
    input: { jobs: 3 },
    executionId: 'arn:aws:states:eu-central-1:111111111111:execution:Backup:x',
    startedAt: '2026-11-23T05:43:00.123Z',
  };
  const program = `
    const handler = ${importOf('Begin')};
    const once = await handler(${JSON.stringify(event)}, ${context});
    const again = await handler(${JSON.stringify(event)}, ${context});
    console.log(JSON.stringify({ once, same: JSON.stringify(once) === JSON.stringify(again) }));
    process.exit(0);`;
  const env = { REPLICATOR_BUCKET: 'no-bucket', AWS_REGION: 'eu-central-1' };
  expect(await inEmptyDirectory(program, env)).toMatchObject({
    once: { run: { id: expect.stringMatching(/^20261123T054300Z-/), round: 1 }, options: { jobs: 3 } },
    same: true,
  });
});

test('what reads definitions has WebAssembly and its worker thread beside it', () => {
  const files = readdirSync(join(folder, 'assets', 'DumpSchema'));
  expect(files.sort()).toEqual([
    'index.mjs',
    'index.mjs.map',
    'libpg-query.wasm',
    'pg-dump-worker.mjs',
    'pg-dump-worker.mjs.map',
    'pg_dump.wasm',
  ]);
});

test('bundles of the same sources are kept', async () => {
  const directories = await bundleHandlers(handlers);
  const entry = join(directories.get('Begin') ?? '', 'index.mjs');
  const made = statSync(entry).mtimeMs;
  expect(await bundleHandlers(handlers)).toEqual(directories);
  expect(statSync(entry).mtimeMs).toBe(made);
});
