import { quoteIdentifier } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';

/** A column whose values are paths in the media directory: what Django calls a FileField or an ImageField. */
export interface FileColumn {
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

/** Those of Nautobot itself, 1.6 to 3.x. `extras_fileproxy` is Nautobot's own only where jobs' files are kept as files. */
const nautobots: readonly (readonly [table: string, column: string])[] = [
  ['extras_imageattachment', 'image'],
  ['dcim_devicetype', 'front_image'],
  ['dcim_devicetype', 'rear_image'],
  ['dcim_moduletype', 'front_image'],
  ['dcim_moduletype', 'rear_image'],
  ['extras_fileproxy', 'file'],
];

/** What django-db-file-storage writes into a FileField: the content is a row, and no file. */
const inDatabase = String.raw`^\w+\.\w+/\w+/\w+/\w+/`;

interface Columns {
  readonly schema: string;
  readonly name: string;
  readonly columns: readonly string[];
}

/**
 * Which columns of these tables refer to files: Nautobot's own as far as they are there, and those that a person names.
 * @param named `table.column`, or `schema.table.column`
 * @returns those that are there, and the names that nothing is called by
 */
export function fileColumnsOf(
  tables: readonly Columns[],
  named: readonly string[] = [],
): { readonly columns: FileColumn[]; readonly unknown: string[] } {
  const columns = new Map<string, FileColumn>();
  const add = (schema: string | undefined, table: string, column: string): boolean => {
    const found = tables.filter(
      (each) => each.name === table && each.schema === (schema ?? 'public') && each.columns.includes(column),
    );
    for (const each of found)
      columns.set(columnName({ schema: each.schema, table, column }), {
        schema: each.schema,
        table,
        column,
      });
    return found.length > 0;
  };
  for (const [table, column] of nautobots) add(undefined, table, column);
  const unknown = named.filter((name) => {
    const parts = name.split('.');
    const [column = '', table = '', schema] = parts.toReversed();
    return parts.length > 3 || !add(schema, table, column);
  });
  return { columns: [...columns.values()], unknown };
}

/** `schema.table.column`, for people. */
export function columnName({ schema, table, column }: FileColumn): string {
  return `${schema}.${table}.${column}`;
}

/** Rows fetched at a time. */
const page = 5000;

/** The paths that a column holds, some twice. The session is in a transaction, which a cursor needs. */
export async function* readReferences(
  session: Session,
  { schema, table, column }: FileColumn,
): AsyncGenerator<string> {
  const value = `${quoteIdentifier(column)}::pg_catalog.text`;
  await session.execute(
    `DECLARE replicator_files NO SCROLL CURSOR FOR SELECT ${value} AS path
     FROM ${quoteIdentifier(schema)}.${quoteIdentifier(table)}
     WHERE ${value} OPERATOR(pg_catalog.<>) '' AND ${value} OPERATOR(pg_catalog.!~) '${inDatabase}'`,
  );
  try {
    for (;;) {
      const rows = await session.query<{ path: string }>(`FETCH FORWARD ${page} FROM replicator_files`);
      for (const { path } of rows) yield path;
      if (rows.length < page) return;
    }
  } finally {
    await session.execute('CLOSE replicator_files').catch(() => {});
  }
}
