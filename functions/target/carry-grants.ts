import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { type AclEntry, type AclHolder, changes } from './acl.ts';
import { type DefaultAcl, readAcls, readDefaultAcls } from './read-acls.ts';
import { tryEach } from './try-each.ts';

/** What a switch-over took over from the old database, in words, and what a person should know of the rest. */
export interface Carried {
  readonly carried: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Gives the new database the rights that roles had in the old one: on objects that exist in both, and default
 * privileges, which are also applied to objects that only the new one has. The source's grants are not part of a
 * backup (invariant 4). Runs inside the caller's transaction.
 * @returns what roles have now, and notes on what had no counterpart or was refused
 */
export async function carryGrants(oldDatabase: Session, newDatabase: Session): Promise<Carried> {
  const before = await readAcls(oldDatabase);
  const defaults = await readDefaultAcls(oldDatabase);
  const after = await readAcls(newDatabase);
  const old = new Map(before.map((holder) => [keyOf(holder), holder]));
  const made = new Map(after.map((holder) => [keyOf(holder), holder]));

  const statements = [...defaults.flatMap(defaultStatements)];
  for (const holder of after) {
    const counterpart = old.get(keyOf(holder));
    if (counterpart) statements.push(...carried(counterpart, holder));
    else if (holder.column === null) statements.push(...given(holder, defaults));
  }
  // A column's rights are only listed where there are some
  for (const holder of before) {
    const table = holder.column === null ? undefined : made.get(keyOf({ ...holder, column: null }));
    if (table && !made.has(keyOf(holder))) statements.push(...changes(holder, [], holder.entries));
  }
  const notes = await tryEach(newDatabase, statements, 'rights could not be carried over');
  return {
    carried: [...carriedWords(before, made), ...defaultWords(defaults)],
    notes: [...withoutCounterpart(before, made), ...changedOwners(before, made), ...notes],
  };
}

/** Rights of roles other than the owner's, counted by role. */
function carriedWords(before: readonly AclHolder[], made: ReadonlyMap<string, AclHolder>): string[] {
  const objects = new Map<string, Set<string>>();
  for (const holder of before) {
    const now = made.get(keyOf({ ...holder, column: null }));
    if (!now) continue;
    for (const { grantee } of holder.entries)
      if (grantee !== null && grantee !== holder.owner && grantee !== now.owner)
        objects.set(grantee, (objects.get(grantee) ?? new Set()).add(holder.object));
  }
  return [...objects].map(
    ([role, { size }]) => `rights of role "${role}" on ${size} object${size === 1 ? '' : 's'}`,
  );
}

function defaultWords(defaults: readonly DefaultAcl[]): string[] {
  return [...new Set(defaults.map(({ role }) => `default privileges of role "${role}"`))];
}

function keyOf({ object, column }: Pick<AclHolder, 'object' | 'column'>): string {
  return JSON.stringify([object, column]);
}

/** Where the owner changes, the new one keeps everything, and the old one keeps what it could do as owner. */
function carried(before: AclHolder, now: AclHolder): string[] {
  if (before.owner === now.owner) return changes(now, now.entries, before.entries);
  const others = (entry: AclEntry) =>
    entry.grantee !== now.owner && !(before.ownerIsSuperuser && entry.grantee === before.owner);
  return changes(now, now.entries.filter(others), before.entries.filter(others));
}

/** What the default privileges of its owner would have given an object made by hand. */
function given(holder: AclHolder, defaults: readonly DefaultAcl[]): string[] {
  const ofOwner = defaults.filter(
    ({ role, objects }) => role === holder.owner && objects === objectsOf(holder),
  );
  if (ofOwner.length === 0) return [];
  const everywhere = ofOwner.find(({ schema }) => schema === null)?.entries ?? holder.entries;
  const inSchema = ofOwner.find(({ schema }) => schema !== null && isIn(holder, schema))?.entries ?? [];
  return changes(holder, holder.entries, union(everywhere, inSchema));
}

function union(one: readonly AclEntry[], other: readonly AclEntry[]): AclEntry[] {
  const merged = new Map<string, AclEntry>();
  for (const entry of [...one, ...other]) {
    const name = JSON.stringify([entry.grantee, entry.privilege]);
    merged.set(name, { ...entry, grantable: entry.grantable || (merged.get(name)?.grantable ?? false) });
  }
  return [...merged.values()];
}

function objectsOf({ object }: AclHolder): string | undefined {
  const kind = object.slice(0, object.indexOf(' '));
  return new Map([
    ['TABLE', 'TABLES'],
    ['SEQUENCE', 'SEQUENCES'],
    ['ROUTINE', 'ROUTINES'],
    ['TYPE', 'TYPES'],
    ['SCHEMA', 'SCHEMAS'],
  ]).get(kind);
}

/** `format('%I')` quotes only where it must, so both spellings are tried. */
function isIn({ object }: AclHolder, schema: string): boolean {
  const name = object.slice(object.indexOf(' ') + 1);
  return name.startsWith(`${schema}.`) || name.startsWith(`${quoteIdentifier(schema)}.`);
}

function defaultStatements({ role, schema, objects, entries, without }: DefaultAcl): string[] {
  const where = schema === null ? '' : ` IN SCHEMA ${quoteIdentifier(schema)}`;
  const lead = `ALTER DEFAULT PRIVILEGES FOR ROLE ${quoteIdentifier(role)}${where} `;
  return changes({ object: objects, column: null }, without, entries).map((one) => lead + one);
}

const shown = 10;

function withoutCounterpart(before: readonly AclHolder[], made: ReadonlyMap<string, AclHolder>): string[] {
  const lost = before.filter(
    (holder) =>
      !made.has(keyOf({ ...holder, column: null })) &&
      holder.entries.some(({ grantee }) => grantee !== null && grantee !== holder.owner),
  );
  if (lost.length === 0) return [];
  const names = [...new Set(lost.map(({ object }) => object))];
  const more = names.length > shown ? ` and ${names.length - shown} more` : '';
  return [
    `rights on objects that the new database doesn't have were not carried over: ${names.slice(0, shown).join(', ')}${more}`,
  ];
}

function changedOwners(before: readonly AclHolder[], made: ReadonlyMap<string, AclHolder>): string[] {
  const counts = new Map<string, number>();
  for (const holder of before) {
    const now = made.get(keyOf(holder));
    if (!now || now.owner === holder.owner || holder.ownerIsSuperuser || holder.column !== null) continue;
    const change = JSON.stringify([holder.owner, now.owner]);
    counts.set(change, (counts.get(change) ?? 0) + 1);
  }
  return [...counts].map(([change, count]) => {
    const [old, now] = JSON.parse(change);
    return `${count} objects that belonged to "${old}" belong to "${now}" now; "${old}" keeps all rights on them, but can't alter them`;
  });
}
