/** A key of a table for sets and maps: no name holds a NUL. */
export function relationKey({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${schema}\0${name}`;
}
