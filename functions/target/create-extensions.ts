import type { SourceFacts } from '../archive/manifest.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { endless, type Lifetime } from '../run/lifetime.ts';
import { DefinitionFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';

type Extension = SourceFacts['extensions'][number];

/**
 * Creates the source's extensions, as the owner of the objects where the server lets it, else as the connecting role.
 * Those that need one another come in rounds. Repeatable: those that are there are not made again.
 * @returns notes on extensions that belong to another role than the rest, and whether some are left for another call
 * @throws DefinitionFailed
 */
export async function createExtensions(
  target: Database,
  rebuild: Rebuild,
  extensions: readonly Extension[],
  {
    life = endless,
    signal,
  }: { readonly life?: Lifetime | undefined; readonly signal?: AbortSignal | undefined },
): Promise<{ readonly notes: readonly string[]; readonly more: boolean }> {
  if (extensions.length === 0) return { notes: [], more: false };
  const session = await openLoader(target, rebuild, { part: 'create', asOwner: false, signal });
  try {
    let worked = false;
    let waiting = [...extensions];
    while (waiting.length > 0) {
      const failed: { extension: Extension; error: unknown }[] = [];
      for (const extension of waiting) {
        // Every call makes some headway
        if (worked && life.isNearlyOver) return { notes: [], more: true };
        try {
          if (await createExtension(session, rebuild, extension)) worked = true;
        } catch (error) {
          failed.push({ extension, error });
        }
      }
      const first = failed[0];
      if (first && failed.length === waiting.length) throw cannotCreate(first.extension, first.error);
      waiting = failed.map(({ extension }) => extension);
    }
    return { notes: await ownedByOthers(session, rebuild, extensions), more: false };
  } finally {
    await session.end();
  }
}

/** Those that come with every database (below 16384) belong to nobody in particular. */
async function ownedByOthers(
  session: Session,
  { objectOwner }: Rebuild,
  extensions: readonly Extension[],
): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT e.extname AS name FROM pg_catalog.pg_extension e
      WHERE e.oid >= 16384 AND e.extname = ANY ($1) AND pg_catalog.pg_get_userbyid(e.extowner) <> $2 ORDER BY 1`,
    [extensions.map(({ name }) => name), objectOwner],
  );
  return rows.map(
    ({ name }) =>
      `extension "${name}" belongs to the connecting role, because ${quoteIdentifier(objectOwner)} may not create it`,
  );
}

/** @returns false: it was there */
async function createExtension(session: Session, rebuild: Rebuild, extension: Extension): Promise<boolean> {
  const { name, schema } = extension;
  const [found] = await session.query('SELECT 1 FROM pg_catalog.pg_extension WHERE extname = $1', [name]);
  if (found) return false;
  const owner = quoteIdentifier(rebuild.objectOwner);
  const inSchema = (await wantsSchema(session, extension)) ? ` WITH SCHEMA ${quoteIdentifier(schema)}` : '';
  if (inSchema !== '') await createSchema(session, owner, schema);
  const statement = `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${inSchema}`;
  try {
    await session.execute(`SET ROLE ${owner}; ${statement}`);
    return true;
  } catch (error) {
    if (!hasSqlState(error, '42501')) throw error;
    await session.execute('RESET ROLE');
    await session.execute(statement);
    return true;
  } finally {
    // On a lost connection there is no role left to reset, and its error must not be replaced
    await session.execute('RESET ROLE').catch(() => {});
  }
}

/** An extension whose control file names its schema makes it itself, and no other is allowed. */
async function wantsSchema(session: Session, { name }: Extension): Promise<boolean> {
  const [row] = await session.query<{ fixed: boolean }>(
    `SELECT pg_catalog.bool_or(schema IS NOT NULL) AS fixed
       FROM pg_catalog.pg_available_extension_versions WHERE name = $1`,
    [name],
  );
  return !row?.fixed;
}

async function createSchema(session: Session, owner: string, schema: string): Promise<void> {
  const [found] = await session.query('SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1', [schema]);
  if (found) return;
  await session.execute(`SET ROLE ${owner}; CREATE SCHEMA ${quoteIdentifier(schema)}; RESET ROLE`);
}

function cannotCreate({ name, version }: Extension, cause: unknown): DefinitionFailed {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DefinitionFailed(
    `extension "${name}" (${version} at the source) can't be created on the target's server: ${why}. Ask for a role that may, or for the extension to be installed in template databases`,
    { cause },
  );
}
