import { readdir } from 'node:fs/promises';
import { openStore } from '../../functions/store/open-store.ts';
import { type FreshDatabase, superuserSession } from '../servers/fresh-database.ts';

/** Everything below the store's prefix that belongs to no sealed backup and is no report, which every restore leaves. */
export async function leftInStore(uri: string): Promise<string[]> {
  const store = openStore(uri);
  const keys: string[] = [];
  for await (const { key } of store.list('')) if (!key.startsWith('reports/')) keys.push(key);
  const sealed = new Set(
    keys.filter((key) => key.endsWith('/manifest.json')).map((key) => key.slice(0, -'manifest.json'.length)),
  );
  const stray = keys.filter((key) => !sealed.has(key.slice(0, key.lastIndexOf('/') + 1)));
  const uploads = (await store.listUploads('')).map(({ key, uploadId }) => `upload ${uploadId} of ${key}`);
  return [...stray, ...uploads];
}

/** Sessions of runs on the server, but for those of the run that is named. */
export async function sessionsLeft(database: FreshDatabase): Promise<string[]> {
  const session = await superuserSession();
  try {
    const rows = await session.query<{ name: string }>(
      "SELECT application_name AS name FROM pg_stat_activity WHERE datname LIKE $1 || '%' AND application_name LIKE 'replicator%'",
      [database.name],
    );
    return rows.map(({ name }) => name);
  } finally {
    await session.end();
  }
}

/** Databases beside the target that a run made or put aside. */
export async function databasesLeft(database: FreshDatabase): Promise<string[]> {
  const session = await superuserSession();
  try {
    const rows = await session.query<{ name: string }>(
      "SELECT datname AS name FROM pg_database WHERE datname LIKE $1 || '\\__\\_%'",
      [database.name],
    );
    return rows.map(({ name }) => name);
  } finally {
    await session.end();
  }
}

/** Folders of runs in a media directory. */
export async function mediaLeft(media: string): Promise<string[]> {
  return (await readdir(media)).filter((name) => name.startsWith('.replicator'));
}
