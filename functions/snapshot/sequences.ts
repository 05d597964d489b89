import { z } from 'zod';
import { SequenceEntry } from '../archive/manifest.ts';
import { StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier, quoteName } from '../postgres/quote.ts';
import type { Row, Session } from '../postgres/session.ts';
import type { Relation } from './relations.ts';
import type { Selection } from './select-relations.ts';
import { oidArray } from './tables.ts';

const TableName = z.object({ oid: z.int().positive(), schema: z.string(), name: z.string() });

/** A sequence whose position is in the backup, as it was defined when the snapshot was taken. */
export const SequenceToRead = z.object({
  schema: z.string(),
  name: z.string(),
  ownedBy: SequenceEntry.shape.ownedBy,
  descending: z.boolean(),
  /** Begins again at its end, so that no position is farther along than another. */
  cycles: z.boolean(),
  /** The least and the greatest value, bigints as text. */
  least: z.string(),
  greatest: z.string(),
  /** Tables of the backup that have values of it in the owning column: the owner, and what inherits from it. */
  holders: z.array(TableName),
});
export type SequenceToRead = z.infer<typeof SequenceToRead>;

export const SequencePosition = SequenceEntry.pick({
  schema: true,
  name: true,
  lastValue: true,
  isCalled: true,
});
export type SequencePosition = z.infer<typeof SequencePosition>;

interface DefinitionRow extends Row {
  oid: string;
  descending: boolean;
  cycles: boolean;
  least: string;
  greatest: string;
  counts: boolean;
}

/**
 * What is to be known of the sequences of a backup before their positions are read.
 * @param relations every relation of the database
 */
export async function readSequences(
  session: Session,
  selection: Selection,
  relations: readonly Relation[],
): Promise<SequenceToRead[]> {
  const [server] = await session.query<{ standby: boolean }>(
    'SELECT pg_catalog.pg_is_in_recovery() AS standby',
  );
  // A standby has nothing of unlogged sequences
  const sequences = selection.sequences.filter(({ unlogged }) => !(unlogged && server?.standby));
  const rows = await session.query<DefinitionRow>(
    `SELECT s.seqrelid::pg_catalog.int8::text AS oid, s.seqincrement < 0 AS descending, s.seqcycle AS cycles,
       s.seqmin::text AS least, s.seqmax::text AS greatest,
       EXISTS (
         SELECT FROM pg_catalog.pg_depend d
         JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
         WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = s.seqrelid
           AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype IN ('a', 'i')
           AND a.atttypid IN (20, 21, 23)) AS counts
     FROM pg_catalog.pg_sequence s WHERE s.seqrelid = ANY ($1::pg_catalog.oid[])`,
    [oidArray(sequences.map(({ oid }) => oid))],
  );
  const definitions = new Map(rows.map((row) => [Number(row.oid), row]));
  const family = new Holders(selection, relations);
  return sequences.flatMap((sequence) => {
    const definition = definitions.get(sequence.oid);
    if (definition === undefined) return [];
    const { descending, cycles, least, greatest, counts } = definition;
    return [
      {
        schema: sequence.schema,
        name: sequence.name,
        ownedBy: family.ownerOf(sequence),
        descending,
        cycles,
        least,
        greatest,
        holders: counts && !cycles && sequence.ownedBy ? family.below(sequence.ownedBy.oid) : [],
      },
    ];
  });
}

/** Which tables of the backup hold values of a column. */
class Holders {
  readonly #byOid: ReadonlyMap<number, Relation>;
  readonly #children = new Map<number, number[]>();
  readonly #withRows: ReadonlyMap<number, Relation>;
  readonly #leftOut: ReadonlySet<number>;

  constructor(selection: Selection, relations: readonly Relation[]) {
    this.#byOid = new Map(relations.map((relation) => [relation.oid, relation]));
    this.#withRows = new Map(selection.rows.map((relation) => [relation.oid, relation]));
    this.#leftOut = new Set(selection.leftOut.map(({ oid }) => oid));
    for (const { oid, parents } of relations) {
      for (const parent of parents) this.#children.set(parent, [...(this.#children.get(parent) ?? []), oid]);
    }
  }

  ownerOf({ ownedBy }: Relation): SequenceToRead['ownedBy'] {
    const owner = ownedBy && !this.#leftOut.has(ownedBy.oid) ? this.#byOid.get(ownedBy.oid) : undefined;
    return ownedBy && owner ? { schema: owner.schema, table: owner.name, column: ownedBy.column } : null;
  }

  below(oid: number): SequenceToRead['holders'] {
    const all = new Set([oid]);
    // A set's iteration goes on with what is added meanwhile
    for (const parent of all) for (const child of this.#children.get(parent) ?? []) all.add(child);
    return [...all].flatMap((each) => {
      const table = this.#withRows.get(each);
      return table ? [{ oid: table.oid, schema: table.schema, name: table.name }] : [];
    });
  }
}

/** Statements don't grow with the number of sequences; neither do round trips much. */
const batch = 200;
/** Tables whose indexes are locked together. */
const askedAtOnce = 25;

/**
 * Where sequences are now: they are under no snapshot. One that has been dropped meanwhile is left out.
 * The session must not be in a transaction.
 */
export async function readPositions(
  session: Session,
  sequences: readonly SequenceToRead[],
): Promise<SequencePosition[]> {
  const positions: SequencePosition[] = [];
  for (let from = 0; from < sequences.length; from += batch) {
    const some = sequences.slice(from, from + batch);
    positions.push(...(await readSome(session, some)));
  }
  return positions;
}

async function readSome(session: Session, sequences: readonly SequenceToRead[]): Promise<SequencePosition[]> {
  const each = sequences.map(
    ({ schema, name }, index) =>
      `SELECT ${index} AS at, last_value::text AS last, is_called AS called FROM ${quoteName(schema, name)}`,
  );
  try {
    const rows = await session.query<{ at: number; last: string; called: boolean }>(each.join(' UNION ALL '));
    return rows.flatMap(({ at, last, called }) => {
      const sequence = sequences[at];
      return sequence
        ? [{ schema: sequence.schema, name: sequence.name, lastValue: last, isCalled: called }]
        : [];
    });
  } catch (error) {
    // undefined_table, invalid_schema_name: which one?
    if (!(error instanceof StatementFailed) || !['42P01', '3F000'].includes(error.sqlState)) throw error;
    if (sequences.length <= 1) return [];
    const half = Math.ceil(sequences.length / 2);
    return [
      ...(await readSome(session, sequences.slice(0, half))),
      ...(await readSome(session, sequences.slice(half))),
    ];
  }
}

/**
 * The greatest value (for descending sequences the least) that the rows of the backup have in the owning column;
 * null where there is none. The session must have joined the snapshot.
 */
export async function readReached(
  session: Session,
  sequences: readonly SequenceToRead[],
): Promise<(string | null)[]> {
  const reached: (string | null)[] = sequences.map(() => null);
  const asked = sequences.flatMap((sequence, index) => {
    const { ownedBy, holders, descending } = sequence;
    if (ownedBy === null || holders.length === 0) return [];
    const column = quoteIdentifier(ownedBy.column);
    const far = descending ? 'min' : 'max';
    const values = holders.map(
      ({ schema, name }) => `(SELECT ${far}(${column}) FROM ONLY ${quoteName(schema, name)})`,
    );
    const all =
      values.length === 1 ? values[0] : `${descending ? 'LEAST' : 'GREATEST'}(${values.join(', ')})`;
    return [`SELECT ${index} AS at, ${all}::text AS reached`];
  });
  for (let from = 0; from < asked.length; from += askedAtOnce) {
    // Tables have long been locked; what a query locks beside them, their indexes, goes with the savepoint
    await session.execute('SAVEPOINT reached');
    const rows = await session.query<{ at: number; reached: string | null }>(
      asked.slice(from, from + askedAtOnce).join(' UNION ALL '),
    );
    await session.execute('ROLLBACK TO SAVEPOINT reached; RELEASE SAVEPOINT reached');
    for (const row of rows) reached[row.at] = row.reached;
  }
  return reached;
}
