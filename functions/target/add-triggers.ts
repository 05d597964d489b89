import type { PostData } from '../definitions/post-data-groups.ts';
import { quoteIdentifier } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import { once, readOutcomeOf } from './bookkeeping.ts';
import type { Rebuild } from './rebuild.ts';
import { runDefinitions } from './run-definitions.ts';
import { runGroup } from './run-group.ts';
import type { WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';

/**
 * Executes what changes how tables behave: rules, triggers, policies, row security, publications. Event triggers come
 * last and stay disabled until the switch-over, because they fire on definitions. Repeatable.
 * @returns notes on what was left out or belongs to another role; all of them once nothing is left to do
 * @throws DefinitionFailed naming the statement
 */
export async function addTriggers(
  target: Database,
  rebuild: Rebuild,
  { behaviour, eventTriggers }: PostData,
  options: Omit<WorkOptions, 'jobs'> = {},
): Promise<{ readonly notes: readonly string[]; readonly more: boolean }> {
  const part = 'triggers';
  const done = await runGroup(target, rebuild, 'behaviour', behaviour, { ...options, jobs: 1, part });
  if (done.more || eventTriggers.length === 0) return done;
  const { outcome } = await withLoader(target, rebuild, { part, signal: options.signal }, (session) =>
    once(session, { step: 'event triggers', subject: '', fingerprint: '' }, async () => {
      const left = await runDefinitions(session, eventTriggers, rebuild.objectOwner);
      return { notes: left, enabled: await disableEventTriggers(session, rebuild) };
    }),
  );
  return { notes: [...done.notes, ...outcome.notes], more: false };
}

/** @returns how each one was enabled, for `enableEventTriggers` */
async function disableEventTriggers(session: Session, rebuild: Rebuild): Promise<Record<string, string>> {
  const rows = await session.query<{ name: string; enabled: string }>(
    `SELECT evtname AS name, evtenabled AS enabled FROM pg_catalog.pg_event_trigger e WHERE evtenabled <> 'D'
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_event_trigger'::regclass
                                                            AND d.objid = e.oid AND d.deptype = 'e')`,
  );
  await session.execute('RESET ROLE');
  for (const { name } of rows) await session.execute(`ALTER EVENT TRIGGER ${quoteIdentifier(name)} DISABLE`);
  await session.execute(`SET ROLE ${quoteIdentifier(rebuild.objectOwner)}`);
  return Object.fromEntries(rows.map(({ name, enabled }) => [name, enabled]));
}

/**
 * Reads which event triggers have to be enabled again.
 * @returns what enables them, the last definition of all; as the connecting role
 */
export async function enableEventTriggers(session: Session): Promise<() => Promise<void>> {
  const outcome = await readOutcomeOf<{ enabled: Record<string, string> }>(session, 'event triggers');
  const modes: Record<string, string> = { O: 'ENABLE', R: 'ENABLE REPLICA', A: 'ENABLE ALWAYS' };
  const statements = Object.entries(outcome?.enabled ?? {}).map(
    ([name, enabled]) => `ALTER EVENT TRIGGER ${quoteIdentifier(name)} ${modes[enabled] ?? 'DISABLE'}`,
  );
  return async () => {
    if (statements.length > 0) await session.execute(statements.join(';'));
  };
}
