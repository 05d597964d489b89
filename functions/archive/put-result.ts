import type { z } from 'zod';
import { InternalError } from '../errors/usage.ts';
import { ObjectMissing } from '../store/errors.ts';
import type { ObjectStore } from '../store/object-store.ts';

/**
 * Writes the result of an attempt unless there is one: the first attempt to finish is the one that counts.
 * @returns the result that counts, which may be another attempt's
 */
export async function putResultNew<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
  result: T,
): Promise<T> {
  const body = JSON.stringify(schema.parse(result));
  if (await store.putNew(key, body, 'application/json')) return result;
  const counts = await readResult(store, key, schema);
  if (counts === undefined)
    throw new ObjectMissing(`${store.uri(key)} was there and is gone; was the run cleaned up meanwhile?`);
  return counts;
}

/** A result written before, undefined when there is none. */
export async function readResult<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const found = await store.get(key);
  if (!found) return undefined;
  try {
    return schema.parse(JSON.parse(found.body.toString('utf8')));
  } catch (error) {
    throw new InternalError(`${store.uri(key)} is not what this version of the program writes`, {
      cause: error,
    });
  }
}
