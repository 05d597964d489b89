import type { SourceFacts } from '../archive/manifest.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { DefinitionFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';

type Extension = SourceFacts['extensions'][number];

/**
 * Creates the source's extensions, as the owner of the objects where the server lets it, else as the connecting role.
 * Those that need one another come in rounds. Repeatable.
 * @returns notes on extensions that belong to another role than the rest
 */
export async function createExtensions(
  target: Database,
  rebuild: Rebuild,
  extensions: readonly Extension[],
  signal?: AbortSignal,
): Promise<string[]> {
  if (extensions.length === 0) return [];
  const session = await openLoader(target, rebuild, { part: 'create', asOwner: false, signal });
  try {
    const notes: string[] = [];
    let waiting = [...extensions];
    while (waiting.length > 0) {
      const failed: { extension: Extension; error: unknown }[] = [];
      for (const extension of waiting) {
        try {
          notes.push(...(await createExtension(session, rebuild, extension)));
        } catch (error) {
          failed.push({ extension, error });
        }
      }
      const first = failed[0];
      if (first && failed.length === waiting.length) throw cannotCreate(first.extension, first.error);
      waiting = failed.map(({ extension }) => extension);
    }
    return notes;
  } finally {
    await session.end();
  }
}

async function createExtension(session: Session, rebuild: Rebuild, extension: Extension): Promise<string[]> {
  const { name, schema } = extension;
  const [found] = await session.query('SELECT 1 FROM pg_catalog.pg_extension WHERE extname = $1', [name]);
  if (found) return [];
  const owner = quoteIdentifier(rebuild.objectOwner);
  const inSchema = (await wantsSchema(session, extension)) ? ` WITH SCHEMA ${quoteIdentifier(schema)}` : '';
  if (inSchema !== '') await createSchema(session, owner, schema);
  const statement = `CREATE EXTENSION IF NOT EXISTS ${quoteIdentifier(name)}${inSchema}`;
  try {
    await session.execute(`SET ROLE ${owner}; ${statement}`);
    return [];
  } catch (error) {
    if (!hasSqlState(error, '42501')) throw error;
    await session.execute('RESET ROLE');
    await session.execute(statement);
    return [`extension "${name}" belongs to the connecting role, because ${owner} may not create it`];
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
