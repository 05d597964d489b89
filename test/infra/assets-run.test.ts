import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { LambdaHandler } from '../../functions/handlers/on-lambda.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { environment } from '../../functions/run/environment-names.ts';
import { markTarget } from '../../functions/target/target-mark.ts';
import { bundleHandlers } from '../../infra/bundle.ts';
import { handlerNeeds } from '../../infra/handler-needs.ts';
import { compareDatabases } from '../../local/compare-databases.ts';
import { differingPaths, readFolder } from '../../local/compare-folders.ts';
import { runMachine } from '../../local/run-machine.ts';
import { surroundings } from '../local/fake-surroundings.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { freshFolder, mediaFixture } from '../servers/fresh-folder.ts';

let folder: string;
const handlers: Record<string, StateHandler> = {};
const context = { getRemainingTimeInMillis: () => 900_000 };

/** Handlers as Lambda has them: each from an asset of its own, beside which there is nothing of the project. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'assets-run-'));
  for (const [handler, directory] of await bundleHandlers(Object.keys(handlerNeeds))) {
    const asset = join(folder, handler);
    cpSync(directory, asset, { recursive: true });
    const module = (await import(join(asset, 'index.mjs'))) as { handler: LambdaHandler };
    handlers[handler] = (input) => module.handler(input, context);
  }
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('Replicate runs from the assets alone, with nothing around them but their environment', async () => {
  const source = await freshDatabase({ template: 'nautobot_31' });
  const target = await freshDatabase();
  const [sourceMedia, targetMedia] = [await mediaFixture('nautobot-3.1'), await freshFolder()];
  const { bucket, client, env } = await freshBucket();
  client.destroy();
  await markTarget(await openDatabase(target.url));
  const variables = {
    ...env,
    // Nobody is there to ask about executions, which counts as running.
    AWS_ENDPOINT_URL_SFN: 'http://127.0.0.1:9',
    [environment.bucket]: bucket,
    [environment.prefix]: 'nautobot/',
    [environment.source]: source.url,
    [environment.target]: target.url,
    [environment.sourceMedia]: sourceMedia,
    [environment.targetMedia]: targetMedia,
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const log: Record<string, unknown>[] = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      log.push(JSON.parse(String(text)));
      return true;
    });
  try {
    await runMachine(
      'replicate',
      { backup: { jobs: 2, shardBytes: 2 * 1024 * 1024 }, restore: { jobs: 2 } },
      { handlers, surroundingsFor: () => surroundings(), signal: new AbortController().signal },
    );
    vi.restoreAllMocks();
    const { tables, sequences, sameRows } = await compareDatabases(
      await openDatabase(source.url),
      await openDatabase(target.url),
    );
    expect({ tables, sequences }).toEqual({ tables: [], sequences: [] });
    expect(sameRows).toBeGreaterThan(1000);
    expect(differingPaths(await readFolder(sourceMedia), await readFolder(targetMedia))).toEqual([]);
    expect(log.filter(({ level, error }) => level === 'ERROR' && error !== 'SnapshotNotReady')).toEqual([]);
  } finally {
    await source.drop();
    await target.drop();
  }
});
