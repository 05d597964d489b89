import type { z } from 'zod';
import { errorOf } from '../errors/replicator-error.ts';
import type { ObjectStore } from '../store/object-store.ts';

export class RunStateMissing extends errorOf({
  code: 'RunStateMissing',
  exitCode: 1,
  meaning:
    'What an earlier state of the run left in the store is gone or unreadable: the run was cleaned up meanwhile, or its objects were deleted.',
}) {}

/** Leaves what later states need with the run, where size doesn't matter; a repeated state writes it again. */
export async function leave(store: ObjectStore, key: string, value: unknown): Promise<void> {
  await store.put(key, JSON.stringify(value), 'application/json');
}

/** @throws RunStateMissing */
export async function find<Schema extends z.ZodType>(
  store: ObjectStore,
  key: string,
  schema: Schema,
): Promise<z.infer<Schema>> {
  const found = await store.get(key);
  if (!found) throw new RunStateMissing(`${store.uri(key)} is not there`);
  const parsed = schema.safeParse(parse(found.body));
  if (!parsed.success) throw new RunStateMissing(`${store.uri(key)} can't be read`, { cause: parsed.error });
  return parsed.data;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
