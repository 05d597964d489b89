import type { Session } from '../postgres/session.ts';

/** What belongs to a database beside its tables, and is neither in a backup's definitions nor carried over. */
const kinds = [
  ['extension', 'SELECT extname AS name FROM pg_catalog.pg_extension'],
  ['publication', 'SELECT pubname AS name FROM pg_catalog.pg_publication'],
  ['event trigger', 'SELECT evtname AS name FROM pg_catalog.pg_event_trigger'],
  ['foreign server', 'SELECT srvname AS name FROM pg_catalog.pg_foreign_server'],
  [
    'schema',
    "SELECT nspname AS name FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'",
  ],
] as const;

const list = kinds
  .map(([kind, sql]) => `SELECT '${kind}' AS kind, f.name::text AS name FROM (${sql}) AS f`)
  .join(' UNION ALL ');

/** @returns notes that name what only the old database has, and what it was */
export async function findLeftBehind(oldDatabase: Session, newDatabase: Session): Promise<string[]> {
  const read = (session: Session) => session.query<{ kind: string; name: string }>(`${list} ORDER BY 1, 2`);
  const [before, after] = [await read(oldDatabase), await read(newDatabase)];
  const kept = new Set(after.map(({ kind, name }) => JSON.stringify([kind, name])));
  const gone = before.filter(({ kind, name }) => !kept.has(JSON.stringify([kind, name])));
  return [...Map.groupBy(gone, ({ kind }) => kind)].map(
    ([kind, found]) =>
      `${kind} of the old database that the new one doesn't have: ${found.map(({ name }) => name).join(', ')}`,
  );
}
