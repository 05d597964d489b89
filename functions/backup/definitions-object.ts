import { DefinitionsResult } from '../archive/shard-result.ts';
import { openWorkingObject } from '../archive/working-object.ts';
import type { ObjectStore } from '../store/object-store.ts';

/** Characters handed on at a time: definitions of many tables don't have to be one frame. */
const piece = 1024 * 1024;

/** Writes a stretch of SQL as a working object that is one section of the sealed file. */
export async function writeDefinitions(
  store: ObjectStore,
  key: string,
  sql: string,
  signal: AbortSignal,
): Promise<DefinitionsResult> {
  await using object = openWorkingObject(store, key, { signal });
  object.beginChunk();
  for (let at = 0; at < sql.length; ) {
    const end = endOfPiece(sql, at);
    await object.append(Buffer.from(sql.slice(at, end)));
    at = end;
  }
  const { rows: _, ...section } = await object.endChunk();
  return DefinitionsResult.parse({ kind: 'definitions', section, ...(await object.finish()) });
}

/** Not between the halves of a surrogate pair. */
function endOfPiece(sql: string, at: number): number {
  const end = Math.min(sql.length, at + piece);
  const last = sql.charCodeAt(end - 1);
  return end < sql.length && last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
