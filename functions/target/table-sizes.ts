import type { TableEntry } from '../archive/manifest.ts';
import type { RelationName } from '../definitions/post-data-groups.ts';
import { relationKey } from '../postgres/relation-key.ts';

/** Orders work by the uncompressed bytes of its table's rows, largest first; equal ones stay in their order. */
export function longestFirst<T>(
  items: readonly T[],
  table: (item: T) => RelationName | undefined,
  tables: readonly TableEntry[],
): T[] {
  const bytes = new Map(tables.map((entry) => [relationKey(entry), entry.rawBytes]));
  const size = (item: T) => {
    const of = table(item);
    return (of && bytes.get(relationKey(of))) ?? 0;
  };
  return [...items].sort((one, other) => size(other) - size(one));
}
