import type { Session } from '../postgres/session.ts';
import { type Catalogue, catalogues, visibleParts } from './catalogues.ts';
import { DefinitionsChanged } from './errors.ts';

/** Per catalogue, a sum over its rows that doesn't depend on their order. */
export type CatalogueFingerprint = ReadonlyMap<string, string>;

/**
 * What the catalogues that definitions come from look like to a session.
 * One statement, so that in READ COMMITTED it is one moment as well.
 */
export async function catalogueFingerprint(session: Session): Promise<CatalogueFingerprint> {
  const known = await knownCatalogues(session);
  const sums = known.map(
    (catalogue) => `
      SELECT '${catalogue.name}' AS name, pg_catalog.concat(pg_catalog.count(*), ' ',
        pg_catalog.sum(pg_catalog.hashtextextended(${row(catalogue)}, 0)::numeric)) AS sum
      FROM pg_catalog.${catalogue.name} WHERE ${catalogue.where}`,
  );
  const rows = await session.query<{ name: string; sum: string }>(
    `WITH ${visibleParts} ${sums.join(' UNION ALL ')}`,
  );
  return new Map(rows.map(({ name, sum }) => [name, sum]));
}

/**
 * Compares the catalogues of a snapshot with those of now. What is new since is no difference (it is in no backup);
 * what changed or went is: the server's functions that write definitions look at now, not at the snapshot, and no lock
 * holds functions, types and the like.
 * @param inSnapshot in a transaction with the backup's snapshot
 * @param now in no transaction
 * @throws DefinitionsChanged naming catalogues and how many objects
 */
export async function checkCatalogue(inSnapshot: Session, now: Session): Promise<void> {
  const [before, after] = await Promise.all([catalogueFingerprint(inSnapshot), catalogueFingerprint(now)]);
  const changed: string[] = [];
  for (const catalogue of catalogues) {
    if (before.get(catalogue.name) === after.get(catalogue.name)) continue;
    const [old, current] = await Promise.all([rowsOf(inSnapshot, catalogue), rowsOf(now, catalogue)]);
    const gone = [...old].filter((row) => !current.has(row)).length;
    if (gone > 0) changed.push(`${gone} of ${catalogue.name}`);
  }
  if (changed.length > 0)
    throw new DefinitionsChanged(
      `definitions were changed or dropped while the backup read them (rows ${changed.join(', ')}); ` +
        'was a migration running? The backup needs a moment without one',
    );
}

async function rowsOf(session: Session, catalogue: Catalogue): Promise<Set<string>> {
  const rows = await session.query<{ row: string }>(
    `WITH ${visibleParts} SELECT ${row(catalogue)} AS row FROM pg_catalog.${catalogue.name} WHERE ${catalogue.where}`,
  );
  return new Set(rows.map(({ row }) => row));
}

function row({ key, version = 'xmin' }: Catalogue): string {
  return `pg_catalog.concat_ws(' ', ${key}, ${version})`;
}

/** pg_publication_namespace came with PostgreSQL 15. */
async function knownCatalogues(session: Session): Promise<Catalogue[]> {
  const rows = await session.query<{ relname: string }>(
    "SELECT relname FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND relkind = 'r'",
  );
  const names = new Set(rows.map(({ relname }) => relname));
  return catalogues.filter(({ name }) => names.has(name));
}
