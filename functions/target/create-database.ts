import type { SourceFacts } from '../archive/manifest.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { Lifetime } from '../run/lifetime.ts';
import type { RunId } from '../run/run-id.ts';
import { installBookkeeping } from './bookkeeping.ts';
import { createExtensions } from './create-extensions.ts';
import { endSessionsAndWait } from './end-sessions.ts';
import { applicationName } from './names.ts';
import { planRebuild, type Rebuild } from './rebuild.ts';
import { openLoader, openMaintenance } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';
import { readTargetFacts, type TargetFacts } from './target-facts.ts';

export interface HiddenDatabase {
  readonly rebuild: Rebuild;
  readonly notes: readonly string[];
  /** Extensions are left for another call. */
  readonly more: boolean;
}

/**
 * Creates the database that the run builds in, beside the target and like it, with nobody let in but the connecting
 * role; then extensions and bookkeeping. Repeatable: what an earlier try left half done is brought to the same end.
 * @throws DefinitionFailed for an extension that can't be created
 */
export async function createHiddenDatabase(
  target: Database,
  options: {
    readonly runId: RunId;
    readonly extensions: SourceFacts['extensions'];
    readonly life?: Lifetime | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<HiddenDatabase> {
  const { runId, extensions, life, signal } = options;
  const facts = await factsOf(target, runId, signal);
  const rebuild = planRebuild(runId, facts);
  const maintenance = await openMaintenance(target, {
    applicationName: applicationName(runId, 'create'),
    avoid: [rebuild.hidden, rebuild.target],
    signal,
  });
  try {
    await endSessionsAndWait(maintenance, { applicationPrefix: applicationName(runId, 'create') });
    await create(maintenance, rebuild, facts);
    await shut(maintenance, rebuild, facts.login);
  } finally {
    await maintenance.end();
  }
  await letOwnerBuild(target, rebuild, signal);
  const { notes, more } = await createExtensions(target, rebuild, extensions, { life, signal });
  if (!more) await installBookkeeping(target, rebuild, signal);
  return { rebuild, notes, more };
}

async function factsOf(target: Database, runId: RunId, signal?: AbortSignal): Promise<TargetFacts> {
  const session = await target.connect({
    applicationName: applicationName(runId, 'facts'),
    settings: { search_path: '' },
    ...(signal && { signal }),
  });
  try {
    return await readTargetFacts(session);
  } finally {
    await session.end();
  }
}

async function create(session: Session, rebuild: Rebuild, facts: TargetFacts): Promise<void> {
  const [found] = await session.query<{ limit: number }>(
    'SELECT datconnlimit AS limit FROM pg_catalog.pg_database WHERE datname = $1',
    [rebuild.hidden],
  );
  // -2: a DROP DATABASE was interrupted, only another one is possible (PostgreSQL manual, pg_database)
  if (found?.limit === -2) await session.execute(`DROP DATABASE ${quoteIdentifier(rebuild.hidden)}`);
  else if (found) return;
  try {
    await session.execute(createStatement(rebuild, facts));
  } catch (error) {
    // duplicate_database, or the same told by the unique index when two tries race
    if (!hasSqlState(error, '42P04', '23505')) throw error;
  }
}

/** Nobody can connect to it until PUBLIC's right to do so is gone. */
function createStatement(rebuild: Rebuild, facts: TargetFacts): string {
  return [
    `CREATE DATABASE ${quoteIdentifier(rebuild.hidden)} TEMPLATE template0`,
    `OWNER ${quoteIdentifier(rebuild.databaseOwner)}`,
    `ENCODING ${quoteLiteral(facts.encoding)}`,
    ...localeClauses(facts),
    ...(facts.tablespace === null ? [] : [`TABLESPACE ${quoteIdentifier(facts.tablespace)}`]),
    'ALLOW_CONNECTIONS false',
  ].join(' ');
}

/** Locale providers came with PostgreSQL 15, ICU rules with 16, the builtin provider with 17. */
export function localeClauses(
  facts: Pick<TargetFacts, 'serverVersion' | 'localeProvider' | 'collate' | 'ctype' | 'locale' | 'icuRules'>,
): string[] {
  const libc = [`LC_COLLATE ${quoteLiteral(facts.collate)}`, `LC_CTYPE ${quoteLiteral(facts.ctype)}`];
  if (facts.serverVersion < 150_000) return libc;
  const locale = quoteLiteral(facts.locale ?? '');
  if (facts.localeProvider === 'icu') {
    const rules = facts.icuRules === null ? [] : [`ICU_RULES ${quoteLiteral(facts.icuRules)}`];
    return ['LOCALE_PROVIDER icu', `ICU_LOCALE ${locale}`, ...rules, ...libc];
  }
  if (facts.localeProvider === 'builtin')
    return ['LOCALE_PROVIDER builtin', `BUILTIN_LOCALE ${locale}`, ...libc];
  return ['LOCALE_PROVIDER libc', ...libc];
}

/**
 * The owner, which an application may log in as, loses CONNECT as well (invariant 5) and keeps what building needs;
 * the switch-over puts the target's own rights in place of these.
 */
async function shut(
  session: Session,
  { hidden, databaseOwner, objectOwner }: Rebuild,
  login: string,
): Promise<void> {
  const database = `DATABASE ${quoteIdentifier(hidden)}`;
  await session.execute(`
    REVOKE ALL ON ${database} FROM PUBLIC;
    REVOKE CONNECT ON ${database} FROM ${quoteIdentifier(databaseOwner)};
    GRANT CREATE, TEMPORARY ON ${database} TO ${quoteIdentifier(databaseOwner)}, ${quoteIdentifier(objectOwner)};
    GRANT CONNECT ON ${database} TO ${quoteIdentifier(login)};
    COMMENT ON ${database} IS 'replicator: being built, not in use';
    ALTER ${database} WITH ALLOW_CONNECTIONS true`);
}

/** Schema public belongs to the database's owner (or, before 15, lets everybody create in it). */
async function letOwnerBuild(target: Database, rebuild: Rebuild, signal?: AbortSignal): Promise<void> {
  if (rebuild.objectOwner === rebuild.databaseOwner) return;
  const session = await openLoader(target, rebuild, { part: 'create', asOwner: false, signal });
  try {
    if (session.serverVersion >= 150_000)
      await session.execute(`GRANT ALL ON SCHEMA public TO ${quoteIdentifier(rebuild.objectOwner)}`);
  } finally {
    await session.end();
  }
}
