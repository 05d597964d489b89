import type { RelationName } from '../definitions/post-data-groups.ts';

/** A key for sets and maps: no name holds a NUL. */
export function relationKey({ schema, name }: RelationName): string {
  return `${schema}\0${name}`;
}
