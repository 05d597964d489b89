import type { Session } from '../postgres/session.ts';
import type { Problem } from './errors.ts';
import { type Anatomy, dissect } from './expression.ts';
import type { AppliedProfile, Placed } from './treatment.ts';

/** Stable, and yet another outcome at another time, or a look at what no expression should see. */
const refused: Readonly<Record<string, string>> = {
  now: 'is the time that it is; backup_time() is the time of the backup',
  transaction_timestamp: 'is the time that it is; backup_time() is the time of the backup',
  statement_timestamp: 'is the time that it is; backup_time() is the time of the backup',
  current_setting: 'reads settings of the session',
};

interface FunctionRow extends Record<string, unknown> {
  schema: string;
  name: string;
  volatile: boolean;
  set: boolean;
  plain: boolean;
}

/**
 * Looks up what expressions call: a function that gives another value each time, or for each row, would make a masked
 * copy that can't be made again; a set would multiply rows.
 */
export async function checkFunctions(session: Session, applied: AppliedProfile): Promise<Problem[]> {
  const expressions = expressionsOf(applied);
  const anatomies = await Promise.all(expressions.map(({ written }) => dissect(written)));
  const names = new Set(anatomies.flatMap(({ functions }) => functions.map(({ name }) => lastOf(name))));
  const functions = await session.query<FunctionRow>(
    `SELECT n.nspname::text AS schema, p.proname::text AS name, pg_catalog.bool_or(p.provolatile = 'v') AS volatile,
            pg_catalog.bool_or(p.proretset) AS set, pg_catalog.bool_and(p.prokind = 'f') AS plain
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
      WHERE p.proname::text = ANY ($1::text[]) GROUP BY 1, 2`,
    [[...names]],
  );
  const operators = new Set(anatomies.flatMap((anatomy) => anatomy.operators));
  const volatileOperators = await session.query<{ name: string }>(
    `SELECT DISTINCT o.oprname::text AS name
       FROM pg_catalog.pg_operator o JOIN pg_catalog.pg_proc p ON p.oid = o.oprcode
      WHERE o.oprname::text = ANY ($1::text[]) AND o.oid >= 16384 AND p.provolatile = 'v'`,
    [[...operators]],
  );
  const isVolatile = new Set(volatileOperators.map(({ name }) => name));
  return expressions.flatMap(({ place }, index) => {
    const anatomy = anatomies[index] as Anatomy;
    const complaints = [
      ...anatomy.functions.flatMap((call) => complaintsOf(call, functions)),
      ...anatomy.operators
        .filter((name) => isVolatile.has(name))
        .map((name) => `the operator ${name} gives another value each time`),
    ];
    return complaints.map((what) => ({ place, what }));
  });
}

/** Every expression but statements, which run once and may do what they like. */
export function expressionsOf({ treatments }: AppliedProfile): Placed[] {
  return treatments.flatMap(({ rows, except, columns }) => [
    ...(typeof rows === 'string' ? [] : [rows]),
    ...(except ? [except] : []),
    ...columns,
  ]);
}

function complaintsOf(
  { name, values }: Anatomy['functions'][number],
  functions: readonly FunctionRow[],
): string[] {
  if (name.startsWith('mask.') || name === 'switch' || name === 'backup_time') return [];
  const last = lastOf(name);
  const schema = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : 'pg_catalog';
  const system = schema === 'pg_catalog';
  if (system && refused[last]) return [`${last}() ${refused[last]}`];
  if (system && last === 'age' && values === 1) return ['age() of one value depends on the day that it is'];
  const found = functions.find((one) => one.name === last && one.schema === schema);
  // What isn't there, the server says best
  if (!found) return [];
  return [
    ...(found.volatile ? [`${name}() may give another value each time (it is volatile)`] : []),
    ...(found.set ? [`${name}() gives several rows`] : []),
    ...(found.plain ? [] : [`${name}() looks at several rows`]),
  ];
}

function lastOf(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
