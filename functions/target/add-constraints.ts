import type { ForeignKeyStatement, KeyStatement, RelationName } from '../definitions/post-data-groups.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { once } from './bookkeeping.ts';
import { type BuildOptions, readPartitioned } from './build-indexes.ts';
import { inParallel } from './in-parallel.ts';
import type { Rebuild } from './rebuild.ts';
import { relationKey } from './relation-key.ts';
import { runBatched } from './run-batched.ts';
import { runDefinitions } from './run-definitions.ts';
import { openLoader, withLoader } from './sessions.ts';
import { longestFirst } from './table-sizes.ts';

/**
 * Adds all constraints: primary keys and unique ones take over the indexes built before, then what needs keys or is
 * needed by foreign keys (indexes of partitions attached, check constraints, views), then foreign keys, one after
 * another (at the same time they can deadlock) and validated by several sessions. Repeatable.
 * @throws DefinitionFailed naming the statement
 */
export async function addConstraints(
  target: Database,
  rebuild: Rebuild,
  { postData, tables, jobs, signal }: BuildOptions,
): Promise<{ readonly validated: number; readonly notes: readonly string[] }> {
  const { toValidate, notes } = await withLoader(
    target,
    rebuild,
    { part: 'constraints', signal },
    async (session) => {
      // Held until the session ends: another try at the same work waits, and then finds it done
      await session.query(
        "SELECT pg_catalog.pg_advisory_lock(pg_catalog.hashtext('replicator constraints'))",
      );
      const partitioned = await readPartitioned(session);
      const present = await readConstraints(session);
      const missing = (constraint: NamedConstraint) => !present.has(constraintKey(constraint));
      await runBatched(
        session,
        postData.keys.filter(missing).map((key) => addKey(key, partitioned)),
      );
      const notes = await runGroup(session, rebuild, 'others', postData.others);
      const foreignKeys = postData.foreignKeys.filter(missing);
      await runBatched(
        session,
        foreignKeys.map((one) => addForeignKey(one, partitioned)),
      );
      return { toValidate: await notYetValid(session, postData.foreignKeys), notes };
    },
  );
  await inParallel(
    longestFirst(byTable(toValidate), ([first]) => first?.relation, tables),
    jobs,
    (worker) => openLoader(target, rebuild, { part: `validate:${worker}`, signal }),
    (session, foreignKeys) => runBatched(session, foreignKeys.map(validateStatement)),
  );
  return { validated: toValidate.length, notes };
}

const transactionStatements = 500;

/** Runs one group of definitions in its order, each part once. */
export async function runGroup(
  session: Session,
  rebuild: Rebuild,
  group: string,
  statements: readonly { readonly kind: string; readonly text: string }[],
): Promise<string[]> {
  const notes: string[] = [];
  for (let from = 0; from < statements.length; from += transactionStatements) {
    const part = statements.slice(from, from + transactionStatements);
    const { outcome } = await once(session, { step: group, subject: String(from), fingerprint: '' }, () =>
      runDefinitions(session, part, rebuild.objectOwner),
    );
    notes.push(...outcome);
  }
  return notes;
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

function addKey({ relation, inTwoSteps, text }: KeyStatement, partitioned: ReadonlySet<string>): string {
  return inTwoSteps && !partitioned.has(relationKey(relation)) ? inTwoSteps.constraint : text;
}

/** Partitioned tables can't have a foreign key that is not valid yet; theirs is checked at once. */
function addForeignKey(
  { relation, references, notValidText, text }: ForeignKeyStatement,
  partitioned: ReadonlySet<string>,
): string {
  const atOnce = partitioned.has(relationKey(relation)) || partitioned.has(relationKey(references));
  return atOnce ? text : (notValidText ?? text);
}

async function notYetValid(
  session: Session,
  foreignKeys: readonly ForeignKeyStatement[],
): Promise<ForeignKeyStatement[]> {
  const present = await readConstraints(session);
  return foreignKeys.filter((one) => one.validated && present.get(constraintKey(one)) === false);
}

function validateStatement({ relation, name }: ForeignKeyStatement): string {
  return `ALTER TABLE ${quoteName(relation.schema, relation.name)} VALIDATE CONSTRAINT ${quoteIdentifier(name)}`;
}

/** Two validations of one table wait for one another. */
function byTable(foreignKeys: readonly ForeignKeyStatement[]): ForeignKeyStatement[][] {
  const groups = Map.groupBy(foreignKeys, ({ relation }) => relationKey(relation));
  return [...groups.values()];
}
