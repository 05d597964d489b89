import type { SourceFacts } from '../archive/manifest.ts';
import type { Session } from '../postgres/session.ts';
import { type Check, fine, foundOr, refused, warning } from '../run/check.ts';
import { TargetUnfit } from './errors.ts';
import type { TargetFacts } from './target-facts.ts';

/** Compares what the backup's database relied on with what the target's server has. */
export async function findMissing(
  session: Session,
  facts: TargetFacts,
  source: SourceFacts,
  roles: readonly string[],
): Promise<Check[]> {
  return [
    serverVersion(facts, source),
    ...(await readOnly(session)),
    encoding(facts, source),
    await locale(session, facts, source),
    ...foundOr(
      'extensions',
      await findExtensions(session, facts, source),
      source.extensions.length === 0
        ? 'the backup needs none'
        : `the server has all ${source.extensions.length}`,
    ),
    ...(await findRoles(session, roles)),
    ...(await findTablespace(session, facts)),
  ];
}

function unfit(name: string, message: string): Check {
  return refused(name, new TargetUnfit(message));
}

function major(version: number): number {
  return Math.floor(version / 10_000);
}

function serverVersion(facts: TargetFacts, source: SourceFacts): Check {
  const [has, needs] = [major(facts.serverVersion), major(source.serverVersionNum)];
  const message = `the server is PostgreSQL ${has}, the backup is of ${needs}`;
  if (has >= needs) return fine('server-version', message);
  return unfit(
    'server-version',
    `${message}: definitions load into the same version and newer ones only; restore on a server of version ${needs} or newer`,
  );
}

async function readOnly(session: Session): Promise<Check[]> {
  const [row] = await session.query<{ standby: boolean }>('SELECT pg_catalog.pg_is_in_recovery() AS standby');
  if (!row?.standby) return [];
  return [unfit('read-only', 'the server is a standby, nothing can be written there: name the primary')];
}

function encoding(facts: TargetFacts, source: SourceFacts): Check {
  if (facts.encoding === source.encoding) return fine('encoding', `${facts.encoding} in both`);
  return unfit(
    'encoding',
    `the database's encoding is ${facts.encoding}, the backup's is ${source.encoding}: create the target with TEMPLATE template0 ENCODING '${source.encoding}'`,
  );
}

/** The rebuilt database sorts as the target does. Indexes are built there, so that they fit in any case. */
async function locale(session: Session, facts: TargetFacts, source: SourceFacts): Promise<Check> {
  const ours = localeOf(facts);
  const theirs = localeOf(source);
  if (ours !== theirs)
    return warning(
      'locale',
      `the target sorts text by ${ours}, the source by ${theirs}: ORDER BY may give another order`,
    );
  const version = await collationVersion(session);
  if (version === null || source.collationVersion === null || version === source.collationVersion)
    return fine('locale', `${ours} in both`);
  return warning(
    'locale',
    `${ours} is version ${version} on the target's server, ${source.collationVersion} at the source: ORDER BY may give another order`,
  );
}

/** Of what a database made there now would get. */
async function collationVersion(session: Session): Promise<string | null> {
  if (session.serverVersion < 150_000) return null;
  const [row] = await session.query<{ version: string | null }>(
    `SELECT pg_catalog.pg_database_collation_actual_version(oid)::text AS version
       FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
  );
  return row?.version ?? null;
}

function localeOf(from: Pick<SourceFacts, 'localeProvider' | 'collate' | 'locale'>): string {
  return `${from.localeProvider} ${from.localeProvider === 'libc' ? from.collate : from.locale}`;
}

async function findExtensions(session: Session, facts: TargetFacts, source: SourceFacts): Promise<Check[]> {
  const rows = await session.query<{ name: string; version: string; needs_superuser: boolean }>(`
    SELECT a.name, a.default_version AS version,
           coalesce((SELECT v.superuser AND NOT coalesce((pg_catalog.to_jsonb(v) ->> 'trusted')::boolean, false)
                       FROM pg_catalog.pg_available_extension_versions v
                      WHERE v.name = a.name AND v.version = a.default_version), false) AS needs_superuser
      FROM pg_catalog.pg_available_extensions a`);
  const available = new Map(rows.map((row) => [row.name, row]));
  const found: Check[] = [];
  for (const { name, version } of source.extensions) {
    const here = available.get(name);
    if (here === undefined)
      found.push(
        unfit(
          'extensions',
          `the server doesn't have the extension "${name}" (${version} at the source): install it there`,
        ),
      );
    else if (here.version !== version)
      found.push(
        warning(
          'extensions',
          `extension "${name}" is ${here.version} on the target's server, ${version} at the source`,
        ),
      );
    if (here?.needs_superuser && !facts.superuser && name !== 'plpgsql')
      found.push(
        warning(
          'extensions',
          `extension "${name}" usually needs a superuser; role "${facts.login}" is going to try`,
        ),
      );
  }
  return found;
}

async function findRoles(session: Session, roles: readonly string[]): Promise<Check[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM pg_catalog.unnest($1::text[]) AS needed (name)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) ORDER BY 1`,
    [[...roles]],
  );
  return rows.map(({ name }) =>
    unfit(
      'roles',
      `definitions name the role "${name}" (a policy or user mapping), the server doesn't have it: CREATE ROLE it`,
    ),
  );
}

/** CREATE DATABASE … TABLESPACE needs CREATE on it, for the owner of a database too. */
async function findTablespace(session: Session, facts: TargetFacts): Promise<Check[]> {
  if (facts.tablespace === null) return [];
  const [row] = await session.query<{ may: boolean }>(
    `SELECT pg_catalog.has_tablespace_privilege($1, 'CREATE') AS may`,
    [facts.tablespace],
  );
  if (row?.may) return [];
  return [
    unfit(
      'tablespace',
      `role "${facts.login}" may not create in the target's tablespace "${facts.tablespace}": GRANT CREATE ON TABLESPACE`,
    ),
  ];
}
