import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { type Check, fine, foundOr, refused } from '../run/check.ts';
import type { RunId } from '../run/run-id.ts';
import { TargetUnfit } from './errors.ts';
import { applicationName } from './names.ts';
import { openMaintenance } from './sessions.ts';
import type { TargetFacts } from './target-facts.ts';

/** What the connecting role needs to create, rename and drop databases beside the target. */
export function checkRights(facts: TargetFacts): readonly Check[] {
  const found: string[] = [];
  const login = quoteIdentifier(facts.login);
  const owner = quoteIdentifier(facts.databaseOwner);
  if (!facts.createdb) found.push(`role ${login} may not create databases: ALTER ROLE ${login} CREATEDB`);
  if (!facts.actsAsOwner)
    found.push(
      `the database belongs to ${owner}, and role ${login} is not a member of it (with its privileges and SET): ` +
        `GRANT ${owner} TO ${login}${facts.serverVersion >= 160_000 ? ' WITH INHERIT TRUE, SET TRUE' : ''}`,
    );
  return foundOr(
    'privileges',
    found.map((text) => refused('privileges', new TargetUnfit(text))),
    `role ${login} may create databases and act as ${owner}`,
  );
}

/** What keeps a database from being renamed or dropped, or would be left behind with the old one. */
export async function checkObstacles(session: Session): Promise<readonly Check[]> {
  const rows = await session.query<{ name: string; finding: string }>(`
    SELECT 'prepared-transactions' AS name, pg_catalog.format('prepared transaction %L holds the database: COMMIT PREPARED or ROLLBACK PREPARED it', gid) AS finding
      FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()
    UNION ALL
    SELECT 'replication-slots', pg_catalog.format('replication slot %I belongs to the database: its consumer would be left behind; SELECT pg_drop_replication_slot(%L)', slot_name, slot_name)
      FROM pg_catalog.pg_replication_slots WHERE database = pg_catalog.current_database()
    UNION ALL
    SELECT 'subscriptions', pg_catalog.format('subscription %I writes into the database: DROP SUBSCRIPTION it', subname)
      FROM pg_catalog.pg_subscription
     WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    UNION ALL
    SELECT 'sessions', pg_catalog.format('process %s (role %I, application %L) is connected, and role %I may not end it: end it, or ', a.pid,
             r.rolname, a.application_name, current_user)
           || CASE WHEN r.rolsuper THEN 'restore as a superuser'
                   ELSE pg_catalog.format('GRANT pg_signal_backend TO %I', current_user) END
      FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid
     WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
       AND NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
       AND (r.rolsuper OR NOT (pg_catalog.pg_has_role(r.oid, 'USAGE')
                               OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))`);
  return ['prepared-transactions', 'replication-slots', 'subscriptions', 'sessions'].flatMap((name) => {
    const found = rows.filter((row) => row.name === name);
    return foundOr(
      name,
      found.map(({ finding }) => refused(name, new TargetUnfit(finding))),
      name === 'sessions' ? 'all that are connected can be ended' : 'none',
    );
  });
}

/** A database can't be renamed from inside. */
export async function checkMaintenance(
  target: Database,
  runId: RunId,
  signal?: AbortSignal,
): Promise<readonly Check[]> {
  try {
    const session = await openMaintenance(target, {
      applicationName: applicationName(runId, 'check'),
      avoid: [target.address.database],
      signal,
    });
    await session.end();
    return [fine('maintenance-database', 'there is another database to rename this one from')];
  } catch (error) {
    if (error instanceof TargetUnfit) return [refused('maintenance-database', error)];
    throw error;
  }
}
