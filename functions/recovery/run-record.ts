import { z } from 'zod';
import { runKey, runsFolder } from '../run/keys.ts';
import { RunOwner } from '../run/owner.ts';
import { RunId } from '../run/run-id.ts';
import type { ObjectFacts, ObjectStore } from '../store/object-store.ts';

const Place = z.object({ host: z.string(), port: z.int(), database: z.string() });

/**
 * `runs/<id>/run.json`: written before anything else of a run and removed after everything else, so that whatever
 * a run leaves behind can be found and told from a run that still goes on.
 */
export const RunRecord = z.object({
  runId: RunId,
  /** `undo`: no machine's run, but nobody else's time at its target either. */
  kind: z.enum(['backup', 'restore', 'undo']),
  owner: RunOwner,
  startedAt: z.string(),
  source: Place.nullable(),
  target: Place.nullable(),
  /** Of its lock: the same server and database by whatever name they are reached, until the server starts again. */
  identity: z.string().optional(),
  /** Without links and relative parts. */
  targetMedia: z.string().nullable(),
  keepPrevious: z.boolean(),
});
export type RunRecord = z.infer<typeof RunRecord>;

export function recordKey(runId: RunId): string {
  return runKey(runId, 'run.json');
}

/** @returns what the store says of it: its time is the store's idea of now */
export async function writeRecord(store: ObjectStore, record: RunRecord): Promise<Partial<ObjectFacts>> {
  const key = recordKey(record.runId);
  await store.put(key, JSON.stringify(record));
  return (await store.head(key)) ?? {};
}

export async function readRecord(store: ObjectStore, runId: RunId): Promise<RunRecord | undefined> {
  const found = await store.get(recordKey(runId));
  return found && RunRecord.parse(JSON.parse(found.body.toString('utf8')));
}

/** Ids of all runs that have anything under `runs/`. */
export async function runsPresent(store: ObjectStore): Promise<RunId[]> {
  const folders = await store.listFolders(runsFolder);
  return folders.filter((name) => RunId.safeParse(name).success);
}
