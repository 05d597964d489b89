import type { SourceFacts } from '../archive/manifest.ts';
import { describeAddress } from '../postgres/address.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import { TargetIsSource, TargetUnfit } from './errors.ts';
import { findMissing } from './find-missing.ts';
import { applicationName } from './names.ts';
import { compareWithSource } from './same-database.ts';
import { openMaintenance } from './sessions.ts';
import { readTargetFacts, type TargetFacts } from './target-facts.ts';

export interface TargetCheckOptions {
  readonly runId: RunId;
  readonly target: Database;
  /** The manifest's. */
  readonly manifestSource: SourceFacts;
  /** Roles that the definitions name. */
  readonly roles: readonly string[];
  /** For the live probe. */
  readonly source?: Database | undefined;
  readonly allowSource: boolean;
  /** `tables`: rows of some tables go into the target in use, which stays the database it is. */
  readonly scope: 'database' | 'tables';
  readonly signal?: AbortSignal | undefined;
}

export interface TargetCheck {
  readonly facts: TargetFacts;
  /** What a person should know, although it stops nothing. */
  readonly notes: readonly string[];
  /** For the question whether an unmarked database may be replaced. */
  readonly hints: readonly string[];
}

/**
 * Finds everything that would make a restore fail or go wrong later, before anything is built; changes nothing.
 * @throws TargetIsSource, unless allowed
 * @throws TargetUnfit with all findings at once
 * @throws ServerUnreachable, LoginRefused, DatabaseMissing
 */
export async function checkTarget(options: TargetCheckOptions): Promise<TargetCheck> {
  const { target, signal, scope } = options;
  const where = describeAddress(target.address);
  const session = await target.connect({
    applicationName: applicationName(options.runId, 'check'),
    settings: { search_path: '', default_transaction_read_only: 'off' },
    ...(signal && { signal }),
  });
  try {
    const same = await compareWithSource({ ...options, targetSession: session });
    if (same.proof !== undefined && !options.allowSource)
      throw new TargetIsSource(
        `${where} is the source: ${same.proof}. Check --target; if the source itself is to be replaced, say --allow-source`,
      );
    const facts = await readTargetFacts(session);
    const missing = await findMissing(session, facts, options.manifestSource, options.roles);
    const findings = [
      ...missing.findings,
      ...rights(facts),
      ...(scope === 'database' ? await obstacles(session) : []),
      ...(await maintenance(options)),
    ];
    if (findings.length > 0) {
      const list = findings.map((finding) => `\n- ${finding}`).join('');
      throw new TargetUnfit(`${where} can't be restored into yet, nothing was built:${list}`);
    }
    return { facts, notes: [...missing.notes, ...same.hints], hints: same.hints };
  } finally {
    await session.end();
  }
}

function rights(facts: TargetFacts): string[] {
  const findings: string[] = [];
  const login = quoteIdentifier(facts.login);
  const owner = quoteIdentifier(facts.databaseOwner);
  if (!facts.createdb) findings.push(`role ${login} may not create databases: ALTER ROLE ${login} CREATEDB`);
  if (!facts.actsAsOwner)
    findings.push(
      `the database belongs to ${owner}, and role ${login} is not a member of it (with its privileges and SET): ` +
        `GRANT ${owner} TO ${login}${facts.serverVersion >= 160_000 ? ' WITH INHERIT TRUE, SET TRUE' : ''}`,
    );
  return findings;
}

/** What keeps a database from being renamed or dropped, or would be left behind with the old one. */
async function obstacles(session: Session): Promise<string[]> {
  const rows = await session.query<{ finding: string }>(`
    SELECT pg_catalog.format('prepared transaction %L holds the database: COMMIT PREPARED or ROLLBACK PREPARED it', gid) AS finding
      FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
    UNION ALL
    SELECT pg_catalog.format('replication slot %I belongs to the database: its consumer would be left behind; SELECT pg_drop_replication_slot(%L)', slot_name, slot_name)
      FROM pg_catalog.pg_replication_slots WHERE database = pg_catalog.current_database()
    UNION ALL
    SELECT pg_catalog.format('subscription %I writes into the database: DROP SUBSCRIPTION it', subname)
      FROM pg_catalog.pg_subscription
     WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    UNION ALL
    SELECT pg_catalog.format('process %s (role %I, application %L) is connected, and role %I may not end it: end it, or ', a.pid,
             r.rolname, a.application_name, current_user)
           || CASE WHEN r.rolsuper THEN 'restore as a superuser'
                   ELSE pg_catalog.format('GRANT pg_signal_backend TO %I', current_user) END
      FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
     WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
       AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
       AND (r.rolsuper OR NOT (pg_catalog.pg_has_role(r.oid, 'USAGE')
                               OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))`);
  return rows.map((row) => row.finding);
}

async function maintenance(options: TargetCheckOptions): Promise<string[]> {
  try {
    const session = await openMaintenance(options.target, {
      applicationName: applicationName(options.runId, 'check'),
      avoid: [options.target.address.database],
      signal: options.signal,
    });
    await session.end();
    return [];
  } catch (error) {
    if (error instanceof TargetUnfit) return [error.message];
    throw error;
  }
}
