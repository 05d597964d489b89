import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { lambdaEntries, leavingOut, plugins, replaced } from './bundle-plugins.ts';
import { handlerNeeds } from './handler-needs.ts';
import { projectFolder } from './handler-sources.ts';

/** Parts of a bundle that esbuild does not carry along: what brings them in, and what has to lie beside it. */
const companions = [
  { input: 'functions/definitions/run-pg-dump.ts', worker: 'functions/definitions/pg-dump-worker.ts' },
  {
    input: 'node_modules/@electric-sql/pglite-tools/',
    wasm: '@electric-sql/pglite-tools/pg_dump',
    name: 'pg_dump.wasm',
  },
  { input: 'node_modules/libpg-query/', wasm: 'libpg-query', name: 'libpg-query.wasm' },
] as const;

/** CommonJS packages in an ESM bundle look for these (pg, libpg-query). */
const banner = [
  "import { createRequire as bundleRequire } from 'node:module';",
  "import { fileURLToPath as bundlePath } from 'node:url';",
  'const require = bundleRequire(import.meta.url);',
  'const __filename = bundlePath(import.meta.url);',
  "const __dirname = bundlePath(new URL('.', import.meta.url));",
].join('\n');

/**
 * Bundles handlers for Lambda, each into a directory of its own that needs nothing else: `index.mjs`, and beside it
 * WebAssembly and worker threads. Kept by the content of what goes in, so that a second synthesis finds them done.
 * @returns handler → directory
 */
export async function bundleHandlers(
  handlers: readonly string[],
  folder: string = join(projectFolder, 'build', 'lambda'),
): Promise<ReadonlyMap<string, string>> {
  const done = join(folder, fingerprint(handlers));
  if (!existsSync(done)) {
    const work = `${done}.${process.pid}`;
    rmSync(work, { recursive: true, force: true });
    for (const [modules, group] of byLeftOut(handlers)) await bundleInto(work, group, modules.split(' '));
    rmSync(done, { recursive: true, force: true });
    renameSync(work, done);
    forgetOld(folder);
  }
  return new Map(handlers.map((handler) => [handler, join(done, handler)]));
}

/** Bundles of earlier sources; the latest few may be in use by another synthesis. */
function forgetOld(folder: string): void {
  const made = readdirSync(folder).map((name) => ({ name, at: statSync(join(folder, name)).mtimeMs }));
  for (const { name } of made.sort((one, other) => other.at - one.at).slice(4))
    rmSync(join(folder, name), { recursive: true, force: true });
}

/** Modules that a handler's surroundings can be made without, and the handlers that they may be left out of. */
function byLeftOut(handlers: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const handler of handlers) {
    const needs = handlerNeeds[handler] ?? {};
    const databases = needs.source || needs.target || needs.comparesSource;
    const modules = [
      databases ? '' : 'functions/postgres/database.ts',
      databases || needs.cache || needs.profile || needs.adminPassword
        ? ''
        : 'functions/postgres/secret-text.ts',
      needs.executions ? '' : 'functions/run/execution-status.ts',
    ];
    const key = modules.join(' ');
    groups.set(key, [...(groups.get(key) ?? []), handler]);
  }
  return groups;
}

/** One run of esbuild for all that leave out the same: it reads every module once. */
async function bundleInto(
  folder: string,
  handlers: readonly string[],
  leftOut: readonly string[],
): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const workers = companions.flatMap((companion) => ('worker' in companion ? [companion.worker] : []));
  const { metafile } = await build({
    absWorkingDir: projectFolder,
    entryPoints: [
      ...handlers.map((handler) => ({ in: `lambda:${handler}`, out: `${handler}/index` })),
      ...workers.map((worker) => ({ in: worker, out: workerName(worker) })),
    ],
    plugins: [lambdaEntries, leavingOut(leftOut), ...plugins],
    alias: replaced,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    banner: { js: banner },
    // Only tried, and missed by nobody: the native driver of pg, the SDK's own for S3's multi-region access points.
    external: ['pg-native', '@aws-sdk/signature-v4-crt', 'aws-crt'],
    // Stack traces are read through the map, and every error's name is literal.
    minify: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  });
  for (const handler of handlers) layBeside(folder, `${handler}/index.mjs`, metafile);
  for (const worker of workers)
    for (const end of ['mjs', 'mjs.map']) rmSync(join(folder, `${workerName(worker)}.${end}`));
}

const workerName = (file: string) => file.replace(/^.*\//, '').replace(/\.ts$/, '');

/** Copies to a handler's directory what its bundle needs to find there. */
function layBeside(folder: string, bundle: string, metafile: Metafile): void {
  const key = Object.keys(metafile.outputs).find(
    (output) => join(projectFolder, output) === join(folder, bundle),
  );
  const inputs = Object.keys(metafile.outputs[key ?? '']?.inputs ?? {});
  const target = dirname(join(folder, bundle));
  for (const companion of companions) {
    if (!inputs.some((input) => input.startsWith(companion.input))) continue;
    if ('worker' in companion) {
      for (const end of ['mjs', 'mjs.map']) {
        const file = `${workerName(companion.worker)}.${end}`;
        copyFileSync(join(folder, file), join(target, file));
      }
      layBesideWorker(target);
    } else copyFileSync(wasmFile(companion), join(target, companion.name));
  }
}

/** The worker is where pg_dump itself is bundled. */
function layBesideWorker(target: string): void {
  for (const companion of companions)
    if ('wasm' in companion && companion.name === 'pg_dump.wasm')
      copyFileSync(wasmFile(companion), join(target, companion.name));
}

function wasmFile({ wasm, name }: { wasm: string; name: string }): string {
  const { resolve } = createRequire(join(projectFolder, 'package.json'));
  return join(dirname(resolve(wasm)), name);
}

/** Of everything that goes into the bundles: sources, versions of dependencies, and how they are bundled. */
function fingerprint(handlers: readonly string[]): string {
  const sources = globSync('functions/**/*.ts', { cwd: projectFolder }).sort();
  const hash = createHash('sha256').update(JSON.stringify(handlers));
  for (const file of [
    ...sources,
    'package-lock.json',
    'infra/bundle.ts',
    'infra/bundle-plugins.ts',
    'infra/handler-needs.ts',
    'infra/handler-sources.ts',
  ])
    hash.update(`\0${file}\0`).update(readFileSync(join(projectFolder, file)));
  return hash.digest('hex').slice(0, 16);
}
