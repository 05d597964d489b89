import type { SourceFacts } from '../archive/manifest.ts';
import { describeAddress } from '../postgres/address.ts';
import { DatabaseMissing, StatementFailed } from '../postgres/errors.ts';
import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { RunId } from '../run/run-id.ts';
import type { TargetRules } from './check-target.ts';
import { checkListed, refuse } from './check-target.ts';
import { localeClauses } from './create-database.ts';
import { TargetIsSource } from './errors.ts';
import { applicationName } from './names.ts';
import { samePlace } from './same-database.ts';
import { openMaintenance } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';
import { markTarget } from './target-mark.ts';

/**
 * Makes an empty database, like the source's, for a restore where there is none: on a new server, or after a disaster. It
 * belongs to the connecting role and carries the mark. A database that is there already stays as it is.
 * @returns whether it was made
 * @throws TargetIsSource, TargetNotListed before anything is made; StatementFailed when the role may not make one
 */
export async function createTarget(
  target: Database,
  source: SourceFacts,
  options: {
    readonly runId: RunId;
    readonly rules: Pick<TargetRules, 'allowSource' | 'allowedTargets'>;
    readonly signal: AbortSignal;
  },
): Promise<boolean> {
  const { runId, rules, signal } = options;
  if (await isThere(target, runId, signal)) return false;
  refuse([checkListed(target, rules.allowedTargets)], target);
  if (samePlace(source, target.address) && !rules.allowSource)
    throw new TargetIsSource(
      `${describeAddress(target.address)} has the address of the source. Check --target; if the source itself is gone and to be made again, say --allow-source`,
    );
  const session = await openMaintenance(target, {
    applicationName: applicationName(runId, 'create-target'),
    avoid: [target.address.database],
    signal,
  });
  try {
    await create(session, target.address.database, source);
  } finally {
    await session.end();
  }
  await markTarget(target, signal);
  return true;
}

async function isThere(target: Database, runId: RunId, signal: AbortSignal): Promise<boolean> {
  try {
    const session = await target.connect({
      applicationName: applicationName(runId, 'create-target'),
      signal,
    });
    await session.end();
    return true;
  } catch (error) {
    if (error instanceof DatabaseMissing) return false;
    throw error;
  }
}

/** Sorting as at the source where the server can, else as it does by itself: the check of the target tells. */
async function create(session: Session, name: string, source: SourceFacts): Promise<void> {
  const statement = [
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE template0 ENCODING ${quoteLiteral(source.encoding)}`,
  ];
  const locale = localeClauses({ ...source, serverVersion: session.serverVersion, icuRules: null });
  try {
    await session.execute([...statement, ...locale].join(' '));
  } catch (error) {
    // Rights and names are refused whatever the locale
    if (!(error instanceof StatementFailed) || hasSqlState(error, '42501', '42P04')) throw error;
    await session.execute(statement.join(' '));
  }
}
