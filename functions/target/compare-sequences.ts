import type { SequenceEntry } from '../archive/manifest.ts';
import { quoteLiteral, quoteName } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';

const atOnce = 200;

/** @returns what differs, in words */
export async function compareSequences(
  session: Session,
  sequences: readonly SequenceEntry[],
): Promise<string[]> {
  const found = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'S'`,
  );
  const present = new Set(found.map(({ schema, name }) => quoteName(schema, name)));
  const differences = sequences
    .filter(({ schema, name }) => !present.has(quoteName(schema, name)))
    .map(({ schema, name }) => `sequence ${schema}.${name} is missing`);
  const there = sequences.filter(({ schema, name }) => present.has(quoteName(schema, name)));
  for (let from = 0; from < there.length; from += atOnce) {
    differences.push(...(await compareSome(session, there.slice(from, from + atOnce))));
  }
  return differences;
}

async function compareSome(session: Session, sequences: readonly SequenceEntry[]): Promise<string[]> {
  const sql = sequences.map(({ schema, name }, place) => {
    const label = quoteLiteral(String(place));
    return `SELECT ${label} AS place, last_value::text AS value, is_called AS called FROM ${quoteName(schema, name)}`;
  });
  const rows = await session.query<{ place: string; value: string; called: boolean }>(
    sql.join(' UNION ALL '),
  );
  return rows.flatMap(({ place, value, called }) => {
    const expected = sequences[Number(place)];
    if (expected === undefined || (value === expected.lastValue && called === expected.isCalled)) return [];
    const { schema, name, lastValue } = expected;
    return [`sequence ${schema}.${name}: it stands at ${value}, the backup says ${lastValue}`];
  });
}
