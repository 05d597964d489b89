import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cleanUpRun } from '../../functions/recovery/clean-up-run.ts';
import { recordKey, runsPresent, writeRecord } from '../../functions/recovery/run-record.ts';
import { backupKey, manifestFile, runKey } from '../../functions/run/keys.ts';
import { silence } from '../../functions/run/progress.ts';
import { runIdOf } from '../../functions/run/run-id.ts';
import { StoreAccessDenied } from '../../functions/store/errors.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

let store: ObjectStore;
let runId: string;
beforeEach(async () => {
  const bucket = await freshBucket();
  for (const [name, value] of Object.entries(bucket.env)) vi.stubEnv(name, value);
  store = openStore(bucket.uri());
  runId = runIdOf(randomBytes(8).toString('hex'), new Date().toISOString());
  await writeRecord(store, {
    runId,
    kind: 'backup',
    owner: { kind: 'execution', arn: 'arn:aws:states:eu-central-1:111111111111:execution:Backup:x' },
    startedAt: new Date().toISOString(),
    source: { host: 'elsewhere', port: 5432, database: 'nautobot' },
    target: null,
    targetMedia: null,
    keepPrevious: false,
  });
  await store.put(runKey(runId, 'round-1/shard'), 'rows');
  await store.put(backupKey(runId, 'database.sql.zst'), 'put together');
});
afterEach(() => vi.unstubAllEnvs());

const warnings: string[] = [];
const progress = { ...silence, warn: (message: string) => void warnings.push(message) };

async function keysUnder(folder: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(folder)) keys.push(key);
  return keys;
}

/** The store as a role sees it that may not delete under `backups/`. */
function withoutTheRight(): ObjectStore {
  return Object.assign(Object.create(store) as ObjectStore, {
    remove: async (keys: readonly string[]) => {
      if (keys.some((key) => key.startsWith('backups/'))) throw new StoreAccessDenied('s3:DeleteObject');
      await store.remove(keys);
    },
    ...Object.fromEntries(
      (['head', 'get', 'list', 'listFolders', 'listUploads', 'abortUpload', 'uri'] as const).map((method) => [
        method,
        (store[method] as (...given: unknown[]) => unknown).bind(store),
      ]),
    ),
  });
}

describe('files that were put together and never sealed', () => {
  test('are removed', async () => {
    await cleanUpRun(runId, { store, progress });
    expect(await keysUnder('backups/')).toEqual([]);
    expect(await keysUnder('runs/')).toEqual([recordKey(runId)]);
  });

  test('are left and told of by a role that may not delete there, and all else goes', async () => {
    await cleanUpRun(runId, { store: withoutTheRight(), progress });
    expect(await keysUnder('backups/')).toEqual([backupKey(runId, 'database.sql.zst')]);
    expect(await keysUnder('runs/')).toEqual([recordKey(runId)]);
    expect(warnings.join()).toContain(`backups/${runId}/ has files of a backup that was never sealed`);
  });

  test('stay once there is a manifest', async () => {
    await store.put(backupKey(runId, manifestFile), '{}');
    await cleanUpRun(runId, { store, progress });
    expect((await keysUnder('backups/')).length).toBe(2);
  });
});

test('a backup that ended is remembered until somebody cleans up who reaches its source', async () => {
  await cleanUpRun(runId, { store, progress });
  expect(await runsPresent(store)).toEqual([runId]);
});
