import type { PostData } from '../definitions/post-data-groups.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Session } from '../postgres/session.ts';
import { constraintKey, readConstraints } from './add-constraints.ts';

export interface DefinitionsFound {
  readonly differences: readonly string[];
  readonly counts: { readonly indexes: number; readonly constraints: number; readonly triggers: number };
}

/** Looks for everything that the post-data defines, and for indexes and constraints that are not valid. */
export async function compareDefinitions(session: Session, postData: PostData): Promise<DefinitionsFound> {
  const { indexes, others, keys, foreignKeys, behaviour } = postData;
  const count = (kind: string, group: readonly { readonly kind: string }[]) =>
    group.filter((one) => one.kind === kind).length;
  return {
    differences: [
      ...(await compareIndexes(session, postData)),
      ...(await compareConstraints(session, postData)),
      ...(await compareBehaviour(session, postData, triggers)),
      ...(await compareBehaviour(session, postData, policies)),
    ],
    counts: {
      indexes: indexes.length + count('IndexStmt', others),
      constraints: keys.length + foreignKeys.length,
      triggers: count('CreateTrigStmt', behaviour),
    },
  };
}

async function compareIndexes(session: Session, { indexes }: PostData): Promise<string[]> {
  const rows = await session.query<{ schema: string; name: string; valid: boolean }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            -- an index of a partitioned table is valid when all partitions have one, which the source need not have
            c.relkind = 'I' OR (i.indisvalid AND i.indisready AND i.indislive) AS valid
       FROM pg_catalog.pg_index i
       JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname !~ '^pg_'`,
  );
  const present = new Set(rows.map(relationKey));
  return [
    ...indexes
      .filter(({ relation, name }) => !present.has(relationKey({ schema: relation.schema, name })))
      .map(({ relation, name }) => `index ${relation.schema}.${name} is missing`),
    ...rows.filter(({ valid }) => !valid).map(({ schema, name }) => `index ${schema}.${name} is not valid`),
  ];
}

async function compareConstraints(session: Session, { keys, foreignKeys }: PostData): Promise<string[]> {
  const present = await readConstraints(session);
  const expected = [...keys.map((key) => ({ ...key, validated: true })), ...foreignKeys];
  return expected.flatMap((constraint) => {
    const { relation, name, validated } = constraint;
    const valid = present.get(constraintKey(constraint));
    const what = `constraint ${name} of ${relation.schema}.${relation.name}`;
    if (valid === undefined) return [`${what} is missing`];
    return validated && !valid ? [`${what} is not validated`] : [];
  });
}

/** The statements that make triggers and policies name their table; each table must have at least as many. */
async function compareBehaviour(
  session: Session,
  { behaviour }: PostData,
  { kind, what, sql }: { kind: string; what: string; sql: string },
): Promise<string[]> {
  const rows = await session.query<{ schema: string; name: string; count: number }>(
    `SELECT n.nspname AS schema, c.relname AS name, b.count
       FROM (${sql}) b
       JOIN pg_catalog.pg_class c ON c.oid = b.relation
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace`,
  );
  const present = new Map(rows.map((row) => [relationKey(row), row.count]));
  const tables = behaviour.flatMap((one) => (one.kind === kind && one.relation ? one.relation : []));
  return [...Map.groupBy(tables, relationKey)].flatMap(([key, expected]) => {
    const count = present.get(key) ?? 0;
    if (count >= expected.length) return [];
    const table = `${expected[0]?.schema}.${expected[0]?.name}`;
    return [`${table} has ${count} ${what}, the backup defines ${expected.length}`];
  });
}

const triggers = {
  kind: 'CreateTrigStmt',
  what: 'triggers',
  sql: `SELECT tgrelid AS relation, pg_catalog.count(*)::int AS count
          FROM pg_catalog.pg_trigger WHERE NOT tgisinternal GROUP BY tgrelid`,
};
const policies = {
  kind: 'CreatePolicyStmt',
  what: 'row security policies',
  sql: `SELECT polrelid AS relation, pg_catalog.count(*)::int AS count
          FROM pg_catalog.pg_policy GROUP BY polrelid`,
};
