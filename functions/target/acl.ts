import { quoteIdentifier } from '../postgres/quote.ts';

/** One right of one role; `grantee` null is PUBLIC. */
export interface AclEntry {
  readonly grantee: string | null;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** An object that has rights, as GRANT names it, in one database. */
export interface AclHolder {
  /** `TABLE "s"."t"`, `ROUTINE "s"."f"(integer)`: the same text in both databases is the same object. */
  readonly object: string;
  /** Set for the rights on one column of the object. */
  readonly column: string | null;
  readonly owner: string;
  readonly ownerIsSuperuser: boolean;
  readonly entries: readonly AclEntry[];
}

/** `acl`'s entries as JSON, without roles that are gone; in order, so that statements come out the same each time. */
export function explode(acl: string): string {
  return `(SELECT coalesce(pg_catalog.json_agg(pg_catalog.json_build_object(
             'grantee', e.role, 'privilege', e.privilege_type, 'grantable', e.grantable)), '[]')
      FROM (SELECT r.rolname AS role, x.privilege_type, pg_catalog.bool_or(x.is_grantable) AS grantable
              FROM pg_catalog.aclexplode(${acl}) x LEFT JOIN pg_catalog.pg_roles r ON r.oid = x.grantee
             WHERE x.grantee = 0 OR r.oid IS NOT NULL
             GROUP BY r.rolname, x.privilege_type ORDER BY r.rolname NULLS FIRST, x.privilege_type) e)`;
}

/** The statements that turn the rights `current` into `desired`; none for what is equal. */
export function changes(
  on: { readonly object: string; readonly column: string | null },
  current: readonly AclEntry[],
  desired: readonly AclEntry[],
): string[] {
  const name = (entry: AclEntry) => JSON.stringify([entry.grantee, entry.privilege]);
  const before = new Map(current.map((entry) => [name(entry), entry]));
  const after = new Map(desired.map((entry) => [name(entry), entry]));
  const lost = current.filter((entry) => !after.has(name(entry)));
  const gained = desired.filter((entry) => {
    const had = before.get(name(entry));
    return had === undefined || (entry.grantable && !had.grantable);
  });
  return [
    ...byGrantee(lost).map((group) => statement('REVOKE', on, group)),
    ...byGrantee(gained).map((group) => statement('GRANT', on, group)),
  ];
}

function statement(
  verb: 'GRANT' | 'REVOKE',
  { object, column }: { readonly object: string; readonly column: string | null },
  group: readonly AclEntry[],
): string {
  const of = column === null ? '' : ` (${quoteIdentifier(column)})`;
  const privileges = group.map(({ privilege }) => `${privilege}${of}`).join(', ');
  const grantee = group[0]?.grantee ?? null;
  const role = grantee === null ? 'PUBLIC' : quoteIdentifier(grantee);
  if (verb === 'REVOKE') return `REVOKE ${privileges} ON ${object} FROM ${role}`;
  return `GRANT ${privileges} ON ${object} TO ${role}${group[0]?.grantable ? ' WITH GRANT OPTION' : ''}`;
}

function byGrantee(entries: readonly AclEntry[]): AclEntry[][] {
  const groups = new Map<string, AclEntry[]>();
  for (const entry of entries) {
    const group = JSON.stringify([entry.grantee, entry.grantable]);
    groups.set(group, [...(groups.get(group) ?? []), entry]);
  }
  return [...groups.values()];
}
