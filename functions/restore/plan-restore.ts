import type { Manifest } from '../archive/manifest.ts';
import type { BrokerContent } from '../cache/broker/drain-broker.ts';
import { waitingIn } from '../cache/broker/words.ts';
import { DrainNotConfirmed } from '../cache/errors.ts';
import { leaveSection } from '../report/leave-section.ts';
import { checkEntry } from '../run/check.ts';
import { need } from '../run/require.ts';
import type { RestoreOptions, RunState } from '../run/state.ts';
import type { Surroundings } from '../run/surroundings.ts';
import { markCheck, refuse } from '../target/check-target.ts';
import { allowTarget } from '../target/target-mark.ts';
import { type Examination, examine } from './examine.ts';
import type { RestoreRecord } from './records.ts';

export interface PlannedRestore {
  readonly record: RestoreRecord;
  readonly manifest: Manifest;
}

/**
 * Finds the backup and everything that speaks against restoring it here, before anything is built.
 * @throws what is wrong: the backup, the target, its media directory, its cache, the patterns
 */
export async function planRestore(
  run: RunState,
  options: RestoreOptions,
  surroundings: Surroundings,
): Promise<PlannedRestore> {
  const { store, confirmTarget, signal } = surroundings;
  const target = need(surroundings, 'target');
  const found = await examine(run.id, options, surroundings);
  const { manifest, scope, checks, target: looked, record, waiting } = found;
  await leaveSection(store, run.id, 'PlanRestore', {
    backupId: manifest.backupId,
    scope,
    ...(record?.tables && { tables: record.tables.map((table) => table.join('.')) }),
    checks: checks.map(checkEntry),
  });
  // Whether it may be replaced at all is asked when nothing else is in the way
  refuse(onlyMarkIsMissing(checks) ? [] : checks, target);
  if (!looked || !record) throw new TypeError('a target that was not looked at was let through');
  await allowTarget(target, confirmTarget, looked.hints, signal);
  if (waiting) await confirmDrain(waiting, surroundings);
  return { record, manifest };
}

/** Names what would be removed, and asks where somebody can be asked. */
async function confirmDrain(content: BrokerContent, surroundings: Surroundings): Promise<void> {
  const { confirmDrain: confirm, yes, progress } = surroundings;
  if (content.tasks === 0) return;
  if (yes || !confirm) return progress.warn(`${waitingIn(content)}; they are removed after the restore`);
  if (await confirm(`${waitingIn(content)}. Remove them after the restore?`)) return;
  throw new DrainNotConfirmed(
    `${waitingIn(content)}; they are removed with --yes, or leave out --drain-broker`,
  );
}

function onlyMarkIsMissing(checks: Examination['checks']): boolean {
  return checks.every(({ name, outcome }) => outcome !== 'refused' || name === markCheck);
}
