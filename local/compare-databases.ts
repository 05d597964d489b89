import { quoteLiteral, quoteName } from '../functions/postgres/quote.ts';
import type { Database, Session } from '../functions/postgres/session.ts';

/** Rows of one table, whatever their order: how many, and a sum of MD5s of `row::text`. */
export interface TableFingerprint {
  readonly rows: number;
  readonly hash: string;
}

/** What a database holds. Keys are `schema.name`, quoted where PostgreSQL would quote. */
export interface DatabaseFingerprint {
  /** Tables, partitioned ones as a whole, and materialised views. */
  readonly tables: ReadonlyMap<string, TableFingerprint>;
  /** `last_value is_called` */
  readonly sequences: ReadonlyMap<string, string>;
  /** `index schema.name` and `constraint schema.table name` to how PostgreSQL writes them */
  readonly definitions: ReadonlyMap<string, string>;
  /** Names of indexes that aren't valid and constraints that aren't validated. */
  readonly notValid: readonly string[];
}

export interface TableDifference {
  readonly table: string;
  /** undefined: there is no such table. */
  readonly left: TableFingerprint | undefined;
  readonly right: TableFingerprint | undefined;
}

export interface SequenceDifference {
  readonly sequence: string;
  readonly left: string | undefined;
  readonly right: string | undefined;
}

export interface DatabaseComparison {
  /** Tables that are the same on both sides, and their rows. */
  readonly sameTables: number;
  readonly sameRows: number;
  readonly tables: readonly TableDifference[];
  readonly sequences: readonly SequenceDifference[];
  /** Indexes and constraints that are the same on both sides. */
  readonly sameDefinitions: number;
  /** Those that differ or are on one side only. */
  readonly definitions: readonly string[];
}

/** So that `row::text` says the same on every server. */
const settings = {
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '3',
  lc_monetary: 'C',
  search_path: '',
  xmloption: 'content',
  row_security: 'off',
  default_transaction_isolation: 'repeatable read',
  default_transaction_read_only: 'on',
};

/** Reads two databases at the same time and says in which tables and sequences they differ. */
export async function compareDatabases(left: Database, right: Database): Promise<DatabaseComparison> {
  const [first, second] = await Promise.all([fingerprintDatabase(left), fingerprintDatabase(right)]);
  return compareFingerprints(first, second);
}

/**
 * Reads every row of a database in one snapshot.
 * @throws StatementFailed where the role may not read a table
 */
export async function fingerprintDatabase(database: Database): Promise<DatabaseFingerprint> {
  const session = await database.connect({ applicationName: 'replicator compare', settings });
  try {
    await session.execute('BEGIN');
    const tables = await fingerprintTables(session);
    const sequences = await readSequences(session);
    const definitions = await readDefinitions(session);
    const notValid = await readNotValid(session);
    return { tables, sequences, definitions, notValid };
  } finally {
    await session.end();
  }
}

export function compareFingerprints(
  left: DatabaseFingerprint,
  right: DatabaseFingerprint,
): DatabaseComparison {
  const tables: TableDifference[] = [];
  let sameTables = 0;
  let sameRows = 0;
  for (const table of namesOf(left.tables, right.tables)) {
    const here = left.tables.get(table);
    const there = right.tables.get(table);
    if (here !== undefined && here.rows === there?.rows && here.hash === there.hash) {
      sameTables++;
      sameRows += here.rows;
    } else tables.push({ table, left: here, right: there });
  }
  const sequences = namesOf(left.sequences, right.sequences)
    .map((sequence) => ({
      sequence,
      left: left.sequences.get(sequence),
      right: right.sequences.get(sequence),
    }))
    .filter((values) => values.left !== values.right);
  const names = namesOf(left.definitions, right.definitions);
  const definitions = names.filter((name) => left.definitions.get(name) !== right.definitions.get(name));
  const sameDefinitions = names.length - definitions.length;
  return { sameTables, sameRows, tables, sequences, sameDefinitions, definitions };
}

function namesOf(left: ReadonlyMap<string, unknown>, right: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...left.keys(), ...right.keys()])].sort();
}

/** Leaves out what belongs to the system or to an extension, such as its configuration tables. */
const ordinary = `n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
    AND d.objid = c.oid AND d.deptype = 'e')`;

async function fingerprintTables(session: Session): Promise<Map<string, TableFingerprint>> {
  // A partition's rows count as its root's: which partition a row is in may differ from database to database.
  const tables = await session.query<{ schema: string; name: string; label: string; kind: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, c.oid::pg_catalog.regclass::text AS label, c.relkind AS kind
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition AND c.relispopulated AND ${ordinary}
    ORDER BY 1, 2`);
  const [encoding] = await session.query<{ name: string }>(
    `SELECT pg_catalog.current_setting('server_encoding') AS name`,
  );
  const common = quoteLiteral(encoding?.name === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8');
  const fingerprints = new Map<string, TableFingerprint>();
  for (const { schema, name, label, kind } of tables) {
    const [found] = await session.query<{ rows: string; hash: string }>(`
      SELECT pg_catalog.count(*)::text AS rows, coalesce(pg_catalog.sum(('x' || pg_catalog.left(
        pg_catalog.md5(pg_catalog.convert_to((t.*)::text, ${common})), 16))::pg_catalog.bit(64)::int8), 0)::text AS hash
      FROM ${kind === 'r' ? 'ONLY' : ''} ${quoteName(schema, name)} AS t`);
    fingerprints.set(label, { rows: Number(found?.rows), hash: found?.hash ?? '' });
  }
  return fingerprints;
}

async function readSequences(session: Session): Promise<Map<string, string>> {
  const sequences = await session.query<{ schema: string; name: string; label: string }>(`
    SELECT n.nspname AS schema, c.relname AS name, c.oid::pg_catalog.regclass::text AS label
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND ${ordinary}`);
  const values = new Map<string, string>();
  for (const { schema, name, label } of sequences) {
    const [found] = await session.query<{ value: string }>(
      `SELECT last_value || ' ' || is_called AS value FROM ${quoteName(schema, name)}`,
    );
    values.set(label, found?.value ?? '');
  }
  return values;
}

async function readDefinitions(session: Session): Promise<Map<string, string>> {
  const found = await session.query<{ name: string; definition: string }>(`
    SELECT 'index ' || i.indexrelid::pg_catalog.regclass AS name, pg_catalog.pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE ${ordinary}
    UNION ALL
    SELECT 'constraint ' || o.conrelid::pg_catalog.regclass || ' ' || pg_catalog.quote_ident(o.conname),
      pg_catalog.pg_get_constraintdef(o.oid)
    FROM pg_catalog.pg_constraint o JOIN pg_catalog.pg_class c ON c.oid = o.conrelid
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE ${ordinary}`);
  return new Map(found.map(({ name, definition }) => [name, definition]));
}

async function readNotValid(session: Session): Promise<string[]> {
  const found = await session.query<{ name: string }>(`
    SELECT indexrelid::pg_catalog.regclass::text AS name FROM pg_catalog.pg_index WHERE NOT indisvalid OR NOT indisready
    UNION ALL
    SELECT conrelid::pg_catalog.regclass || ' ' || pg_catalog.quote_ident(conname)
    FROM pg_catalog.pg_constraint WHERE NOT convalidated
    ORDER BY 1`);
  return found.map(({ name }) => name);
}
