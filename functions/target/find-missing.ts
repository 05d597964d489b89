import type { SourceFacts } from '../archive/manifest.ts';
import type { Session } from '../postgres/session.ts';
import type { TargetFacts } from './target-facts.ts';

export interface Missing {
  readonly findings: readonly string[];
  readonly notes: readonly string[];
}

/** Compares what the backup's database relied on with what the target's server has. */
export async function findMissing(
  session: Session,
  facts: TargetFacts,
  source: SourceFacts,
  roles: readonly string[],
): Promise<Missing> {
  const extensions = await findExtensions(session, facts, source);
  return {
    findings: [
      ...olderServer(facts, source),
      ...otherEncoding(facts, source),
      ...extensions.findings,
      ...(await findRoles(session, roles)),
      ...(await findTablespace(session, facts)),
    ],
    notes: [...extensions.notes, ...otherLocale(facts, source)],
  };
}

function major(version: number): number {
  return Math.floor(version / 10_000);
}

function olderServer(facts: TargetFacts, source: SourceFacts): string[] {
  const [has, needs] = [major(facts.serverVersion), major(source.serverVersionNum)];
  if (has >= needs) return [];
  return [
    `the server is PostgreSQL ${has}, the backup is of ${needs}: definitions load into the same version and newer ones only`,
  ];
}

function otherEncoding(facts: TargetFacts, source: SourceFacts): string[] {
  if (facts.encoding === source.encoding) return [];
  return [
    `the database's encoding is ${facts.encoding}, the backup's is ${source.encoding}: create the target with TEMPLATE template0 ENCODING '${source.encoding}'`,
  ];
}

function otherLocale(facts: TargetFacts, source: SourceFacts): string[] {
  const ours = localeOf(facts);
  const theirs = localeOf(source);
  if (ours === theirs) return [];
  return [`the target sorts text by ${ours}, the source by ${theirs}: ORDER BY may give another order`];
}

function localeOf(from: Pick<SourceFacts, 'localeProvider' | 'collate' | 'locale'>): string {
  return `${from.localeProvider} ${from.localeProvider === 'libc' ? from.collate : from.locale}`;
}

async function findExtensions(session: Session, facts: TargetFacts, source: SourceFacts): Promise<Missing> {
  const rows = await session.query<{ name: string; version: string; needs_superuser: boolean }>(`
    SELECT a.name, a.default_version AS version,
           coalesce((SELECT v.superuser AND NOT coalesce((pg_catalog.to_jsonb(v) ->> 'trusted')::boolean, false)
                       FROM pg_catalog.pg_available_extension_versions v
                      WHERE v.name = a.name AND v.version = a.default_version), false) AS needs_superuser
      FROM pg_catalog.pg_available_extensions a`);
  const available = new Map(rows.map((row) => [row.name, row]));
  const findings: string[] = [];
  const notes: string[] = [];
  for (const { name, version } of source.extensions) {
    const found = available.get(name);
    if (found === undefined)
      findings.push(
        `the server doesn't have the extension "${name}" (${version} at the source): install it there`,
      );
    else if (found.version !== version)
      notes.push(`extension "${name}" is ${found.version} on the target's server, ${version} at the source`);
    if (found?.needs_superuser && !facts.superuser && name !== 'plpgsql')
      notes.push(`extension "${name}" usually needs a superuser; role "${facts.login}" is going to try`);
  }
  return { findings, notes };
}

async function findRoles(session: Session, roles: readonly string[]): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT name FROM pg_catalog.unnest($1::text[]) AS needed (name)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = name) ORDER BY 1`,
    [[...roles]],
  );
  return rows.map(
    ({ name }) =>
      `definitions name the role "${name}" (a policy or user mapping), the server doesn't have it: CREATE ROLE it`,
  );
}

/** CREATE DATABASE … TABLESPACE needs CREATE on it, for the owner of a database too. */
async function findTablespace(session: Session, facts: TargetFacts): Promise<string[]> {
  if (facts.tablespace === null) return [];
  const [row] = await session.query<{ may: boolean }>(
    `SELECT pg_catalog.has_tablespace_privilege($1, 'CREATE') AS may`,
    [facts.tablespace],
  );
  if (row?.may) return [];
  return [
    `role "${facts.login}" may not create in the target's tablespace "${facts.tablespace}": GRANT CREATE ON TABLESPACE`,
  ];
}
