import type { ProfileChanges } from '../archive/manifest.ts';
import type { AppliedProfile } from '../profile/treatment.ts';

/** What a profile does where rows are read, as the manifest says it; its statements are for a restore. */
export function changesOf({ name, treatments }: AppliedProfile): ProfileChanges {
  const named = treatments.map((one) => ({ ...one, table: `${one.schema}.${one.name}` }));
  return {
    name: name === '--rows' ? null : name,
    withoutRows: named.filter(({ rows }) => rows === 'none').map(({ table }) => table),
    filtered: named.flatMap(({ table, rows }) =>
      typeof rows === 'string' ? [] : [{ table, rows: rows.written }],
    ),
    masked: named.flatMap(({ table, rows, columns }) =>
      rows === 'none' || columns.length === 0
        ? []
        : [{ table, columns: columns.map(({ column }) => column) }],
    ),
  };
}
