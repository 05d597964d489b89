import type { TableEntry } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Session } from '../postgres/session.ts';
import { type Check, fine, foundOr, refused, warning } from '../run/check.ts';
import { TableDiffers } from './errors.ts';

const shown = 10;

/** Tables whose rows are to be replaced: are they there, with the columns that the backup has rows for? */
export async function checkTables(
  session: Session,
  tables: readonly TableEntry[],
): Promise<readonly Check[]> {
  const name = 'tables';
  const here = await readTables(session);
  const found = tables.flatMap(({ schema, name: table, columns }) => {
    const ours = here.get(relationKey({ schema, name: table }));
    if (!ours) return [`${schema}.${table}: the target has no such table`];
    const different = [...columns, ...ours].filter(
      (column) => !columns.includes(column) || !ours.includes(column),
    );
    if (different.length === 0) return [];
    return [`${schema}.${table}: ${different.join(', ')} only in the target or only in the backup`];
  });
  return foundOr(
    name,
    found.map((text) => refused(name, new TableDiffers(`${text}; bring the target to the backup's version`))),
    `the target has all ${tables.length}, with the same columns`,
  );
}

/** Tables that only the target has go with the old database. */
export async function checkOthers(
  session: Session,
  known: readonly { readonly schema: string; readonly name: string }[],
): Promise<Check> {
  const name = 'other-tables';
  const backup = new Set(known.map(relationKey));
  const others = [...(await readTables(session)).keys()].filter((key) => !backup.has(key)).sort();
  if (others.length === 0) return fine(name, 'the target has no tables that the backup does not have');
  const names = others.slice(0, shown).map((key) => key.replace('\0', '.'));
  const more = others.length > shown ? ` and ${others.length - shown} more` : '';
  return warning(
    name,
    `tables that only the target has go with the old database, which --keep-previous keeps: ${names.join(', ')}${more}`,
  );
}

/** Columns that rows are loaded into, by table. */
async function readTables(session: Session): Promise<Map<string, string[]>> {
  const rows = await session.query<{ schema: string; name: string; columns: string[] }>(
    `SELECT n.nspname AS schema, c.relname AS name,
            coalesce(pg_catalog.json_agg(a.attname ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL), '[]') AS columns
       FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN pg_catalog.pg_attribute a
         ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
      WHERE c.relkind = 'r' AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e
              WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      GROUP BY 1, 2`,
  );
  return new Map(rows.map((row) => [relationKey(row), row.columns]));
}
