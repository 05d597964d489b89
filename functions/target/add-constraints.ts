import type { TableEntry } from '../archive/manifest.ts';
import type { ForeignKeyStatement, KeyStatement, RelationName } from '../definitions/post-data-groups.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database, Session } from '../postgres/session.ts';
import { readDone } from './bookkeeping.ts';
import { type BuildOptions, readPartitioned, takeMemory } from './build-indexes.ts';
import { definitionWork, subjectOf } from './piece.ts';
import type { Rebuild } from './rebuild.ts';
import { runGroup } from './run-group.ts';
import { runWork, type Work } from './run-work.ts';
import { withLoader } from './sessions.ts';
import { longestFirst } from './table-sizes.ts';

/**
 * Adds all constraints: primary keys and unique ones take over the indexes built before, then what needs keys or is
 * needed by foreign keys (indexes of partitions attached, check constraints, views), then foreign keys, one after
 * another (at the same time they can deadlock) and validated by several sessions. Repeatable.
 * @returns notes on what was left out or belongs to another role; all of them once nothing is left to do
 * @throws DefinitionFailed naming the statement; WorkVanished
 */
export async function addConstraints(
  target: Database,
  rebuild: Rebuild,
  options: BuildOptions,
): Promise<{ readonly validated: number; readonly notes: readonly string[]; readonly more: boolean }> {
  const { postData, tables, jobs, signal } = options;
  const found = await withLoader(target, rebuild, { part: 'constraints', signal }, async (session) => ({
    partitioned: await readPartitioned(session),
    present: await readConstraints(session),
    done: await readDone(session, ...steps),
  }));
  const { done, partitioned } = found;
  const adding = { ...options, part: 'constraints', jobs: 1 };
  const inOrder = (works: readonly Work[]) =>
    runWork(target, rebuild, undone([works], done), {
      ...adding,
      prepare: (session) => takeMemory(session, 1),
    });
  const unfinished = { validated: 0, notes: [], more: true };
  if (!(await inOrder(keysOf(postData.keys, found)))) return unfinished;
  const others = await runGroup(target, rebuild, 'others', postData.others, adding);
  if (others.more) return unfinished;
  if (!(await inOrder(foreignKeysOf(postData.foreignKeys, found)))) return unfinished;
  const toValidate = postData.foreignKeys.filter(
    (one) => one.validated && one.notValidText !== undefined && !isAtOnce(one, partitioned),
  );
  const validated = await runWork(target, rebuild, undone(validationsOf(toValidate, tables), done), {
    ...options,
    part: 'validate',
    prepare: (session) => takeMemory(session, jobs),
  });
  return validated ? { validated: toValidate.length, notes: others.notes, more: false } : unfinished;
}

const steps = ['keys', 'foreign keys', 'validation'] as const;
const atOnce = 25;

interface Found {
  readonly partitioned: ReadonlySet<string>;
  readonly present: ReadonlyMap<string, boolean>;
}

function undone(groups: readonly (readonly Work[])[], done: ReadonlyMap<string, unknown>): Work[][] {
  return groups
    .map((works) => works.filter(({ subject }) => !done.has(subject)))
    .filter((works) => works.length > 0);
}

type NamedConstraint = { readonly relation: RelationName; readonly name: string };

export function constraintKey({ relation, name }: NamedConstraint): string {
  return `${relationKey(relation)}\0${name}`;
}

/** All constraints of tables, and whether they are valid. */
export async function readConstraints(session: Session): Promise<Map<string, boolean>> {
  const rows = await session.query<{ schema: string; table: string; name: string; valid: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS table, k.conname AS name, k.convalidated AS valid
       FROM pg_catalog.pg_constraint k
       JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
  );
  return new Map(
    rows.map(({ schema, table, name, valid }) => [
      constraintKey({ relation: { schema, name: table }, name }),
      valid,
    ]),
  );
}

/** Keys that take an index over are a moment each; others (exclusion constraints) are built by their statement. */
function keysOf(keys: readonly KeyStatement[], found: Found): Work[] {
  const short = (key: KeyStatement) => key.inTwoSteps !== undefined;
  return batches(keys, short).map((batch) =>
    work('keys', batch, found, (key) =>
      key.inTwoSteps && !found.partitioned.has(relationKey(key.relation))
        ? key.inTwoSteps.constraint
        : key.text,
    ),
  );
}

/** Partitioned tables can't have a foreign key that is not valid yet; theirs is checked at once. */
function foreignKeysOf(foreignKeys: readonly ForeignKeyStatement[], found: Found): Work[] {
  const short = (one: ForeignKeyStatement) => !isAtOnce(one, found.partitioned);
  return batches(foreignKeys, short).map((batch) =>
    work('foreign keys', batch, found, (one) => (short(one) ? (one.notValidText ?? one.text) : one.text)),
  );
}

function isAtOnce({ relation, references }: ForeignKeyStatement, partitioned: ReadonlySet<string>): boolean {
  return partitioned.has(relationKey(relation)) || partitioned.has(relationKey(references));
}

/** What is named is the same at every call, what is left to do is not. */
function work<T extends NamedConstraint>(
  step: (typeof steps)[number],
  batch: readonly T[],
  { present }: Found,
  statement: (constraint: T) => string,
): Work {
  const missing = batch.filter((constraint) => !present.has(constraintKey(constraint)));
  return definitionWork(step, missing.map(statement), {
    subject: subjectOf([step, ...batch.map(constraintKey)]),
  });
}

/** In order; those that take a moment several in one transaction, others by themselves. */
function batches<T>(items: readonly T[], isShort: (item: T) => boolean): T[][] {
  const made: { short: boolean; items: T[] }[] = [];
  for (const item of items) {
    const [last, short] = [made.at(-1), isShort(item)];
    if (short && last?.short && last.items.length < atOnce) last.items.push(item);
    else made.push({ short, items: [item] });
  }
  return made.map((batch) => batch.items);
}

/** Foreign keys of tables under this size are checked in a moment, unless what they refer to is large. */
const smallBytes = 256 * 1024;

/** Two validations of one table wait for one another, so that one session does them all. */
function validationsOf(foreignKeys: readonly ForeignKeyStatement[], tables: readonly TableEntry[]): Work[][] {
  const large = new Set(tables.filter(({ rawBytes }) => rawBytes > smallBytes).map(relationKey));
  const isLarge = ({ relation, references }: ForeignKeyStatement) =>
    large.has(relationKey(relation)) || large.has(relationKey(references));
  const groups = [...Map.groupBy(foreignKeys, ({ relation }) => relationKey(relation)).values()];
  const validation = (batch: readonly ForeignKeyStatement[]) =>
    definitionWork('validation', batch.map(validateStatement));
  const alone = groups.filter((group) => group.some(isLarge));
  const together = batches(groups.filter((group) => !group.some(isLarge)).flat(), () => true);
  return [
    ...longestFirst(alone, ([first]) => first?.relation, tables).map((group) =>
      group.map((one) => validation([one])),
    ),
    ...together.map((batch) => [validation(batch)]),
  ];
}

function validateStatement({ relation, name }: ForeignKeyStatement): string {
  return `ALTER TABLE ${quoteName(relation.schema, relation.name)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`;
}
