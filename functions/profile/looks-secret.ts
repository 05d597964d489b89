import { relationKey } from '../postgres/relation-key.ts';
import type { AppliedProfile } from './treatment.ts';

/** Words of a column's name that make it look like a secret. */
const words =
  /^(pass|passwd|password|passphrase|pwd|secret|secrets|token|tokens|key|keys|apikey|credential|credentials|otp|pin|psk|community)$/;
/** What such a name says of a reference, a file or a fact about the secret. */
const harmless =
  /_(id|ids|at|on|type|count|length|name|path|slug|enabled|required|version|algorithm)$|^(is|has|natural|sort)_/;

/** Does a column of an application that nobody here knows look as if it held secrets? */
export function looksSecret(column: string): boolean {
  const name = column.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase();
  return !harmless.test(name) && name.split('_').some((word) => words.test(word));
}

/** Columns with rows that look like secrets and that no rule is about, as `schema.table.column`. */
export function findUncovered(
  { treatments }: Pick<AppliedProfile, 'treatments'>,
  tables: readonly {
    readonly schema: string;
    readonly name: string;
    readonly columns: readonly string[];
    readonly rows: number;
  }[],
): string[] {
  const known = new Map(treatments.map((one) => [relationKey(one), one]));
  return tables.flatMap(({ schema, name, columns, rows }) => {
    const treatment = known.get(relationKey({ schema, name }));
    if (rows === 0 || treatment?.rows === 'none') return [];
    const covered = new Set([
      ...(treatment?.kept ?? []),
      ...(treatment?.columns ?? []).map(({ column }) => column),
    ]);
    return columns
      .filter((column) => looksSecret(column) && !covered.has(column))
      .map((column) => `${schema}.${name}.${column}`);
  });
}
