import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleHandlers } from '../../infra/bundle.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import { projectFolder } from '../../infra/handler-sources.ts';
import { rdsHost, startTlsPostgres, tlsText } from '../postgres/tls-server.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

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

const filesOf = (handler: string) => readdirSync(join(folder, 'assets', handler)).sort();

/** Does the handler take statements or expressions apart? */
const parses = (handler: string) => filesOf(handler).includes('libpg-query.wasm');

test('what reads definitions has WebAssembly and its worker thread beside it', () => {
  expect(filesOf('DumpSchema')).toEqual([
    'index.mjs',
    'index.mjs.map',
    'libpg-query.wasm',
    'pg-dump-worker.mjs',
    'pg-dump-worker.mjs.map',
    'pg_dump.wasm',
  ]);
});

test('an asset has no WebAssembly that its handler has no use for', () => {
  for (const handler of ['CopyShard', 'LoadShard', 'ExtractMedia', 'Analyze', 'SwitchOver', 'CleanUp'])
    expect(filesOf(handler)).toEqual(['index.mjs', 'index.mjs.map']);
  expect(handlers.filter((handler) => filesOf(handler).includes('pg_dump.wasm'))).toEqual(['DumpSchema']);
});

/** kB that what a handler needs may take, compressed as Lambda downloads it. */
function boundOf(handler: string): number {
  const { source, target, comparesSource, cache, profile } = handlerNeeds[handler] ?? {};
  const parts = {
    base: 260,
    // The driver, tokens, secrets, and the authorities of RDS, which hardly compress
    databases: source || target || comparesSource ? 160 : 0,
    cache: cache ? 110 : 0,
    profile: profile ? 60 : 0,
    parser: parses(handler) ? 400 : 0,
    pgDump: handler === 'DumpSchema' ? 320 : 0,
  };
  return Object.values(parts).reduce((sum, each) => sum + each, 0);
}

test('no asset is larger than what its handler needs explains', () => {
  const tooLarge = handlers.flatMap((handler) => {
    const sizes = filesOf(handler).map(
      (file) => gzipSync(readFileSync(join(folder, 'assets', handler, file))).length / 1024,
    );
    const size = Math.round(sizes.reduce((sum, each) => sum + each, 0));
    return size > boundOf(handler) ? [`${handler}: ${size} kB, ${boundOf(handler)} expected`] : [];
  });
  expect(tooLarge).toEqual([]);
});

test('a stack trace shows the sources that assets were made of', async () => {
  const program = `
    const error = await (${importOf('CopyShard')})({ nothing: true }, ${context}).catch((e) => e);
    console.log(JSON.stringify(error.stack));
    process.exit(0);`;
  const env = {
    REPLICATOR_BUCKET: 'no-bucket',
    AWS_REGION: 'eu-central-1',
    NODE_OPTIONS: '--enable-source-maps',
  };
  const line = lineOf('functions/handlers/state-handler.ts', 'throw new InvalidInput');
  expect(await inEmptyDirectory(program, env)).toContain(`functions/handlers/state-handler.ts:${line}:`);
});

/** Number of the first line of a source that holds a text. */
function lineOf(source: string, text: string): number {
  const lines = readFileSync(join(projectFolder, source), 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

const certificate = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

test('what connects to databases brings the authorities of RDS along, and none that has expired', () => {
  const text = readFileSync(join(folder, 'assets', 'CopyShard', 'index.mjs'), 'utf8');
  const authorities = [...text.matchAll(certificate)].map(
    ([pem]) => new X509Certificate(pem.replaceAll('\\n', '\n')),
  );
  const names = authorities.map(({ subject }) => /CN=(.*)/.exec(subject)?.[1]);
  for (const kind of ['RSA2048', 'RSA4096', 'ECC384'])
    expect(names).toContain(`Amazon RDS eu-central-1 Root CA ${kind} G1`);
  expect(authorities.filter(({ validTo }) => Date.parse(validTo) < Date.now())).toEqual([]);
});

test('an asset trusts who signs for RDS, as its environment says nothing else, and nobody else', async () => {
  const server = await startTlsPostgres();
  try {
    const file = join(folder, 'assets', 'ReleaseSnapshot', 'index.mjs');
    const text = readFileSync(file, 'utf8');
    const [first = ''] = text.match(certificate) ?? [];
    const authority = tlsText('authority').trim();
    const inItsPlace = first.includes('\\n') ? authority.replaceAll('\n', '\\n') : authority;
    writeFileSync(file, text.replace(first, inItsPlace));
    const event = {
      run: { id: '20261123T054300Z-k3f9qa', kind: 'backup', executionId: 'x', startedAt: 'x', round: 1 },
      options: {},
      snapshot: { text: '1:1:', takenAt: 'x', walPosition: null, encoding: 'UTF8' },
    };
    const program = `
      import dns from 'node:dns';
      const { lookup } = dns;
      dns.lookup = (host, ...rest) => lookup(host.endsWith('.rds.amazonaws.com') ? '127.0.0.1' : host, ...rest);
      const outcome = await (${importOf('ReleaseSnapshot')})(${JSON.stringify(event)}, ${context}).then(() => 'connected', (e) => e.name);
      console.log(JSON.stringify(outcome));
      process.exit(0);`;
    const { bucket, client, env } = await freshBucket();
    client.destroy();
    const url = new URL(server.url('postgres'));
    url.hostname = rdsHost;
    const outcome = () =>
      inEmptyDirectory(program, { ...env, REPLICATOR_BUCKET: bucket, REPLICATOR_SOURCE: url.href });
    expect(await outcome()).toBe('connected');
    await server.show('other-authority');
    expect(await outcome()).toBe('TlsFailed');
  } finally {
    await server.stop();
  }
});

test('bundles of the same sources are kept', async () => {
  const directories = await bundleHandlers(handlers);
  const entry = join(directories.get('Begin') ?? '', 'index.mjs');
  const made = statSync(entry).mtimeMs;
  expect(await bundleHandlers(handlers)).toEqual(directories);
  expect(statSync(entry).mtimeMs).toBe(made);
});
