import { checkProfile } from '../functions/backup/apply-profile.ts';
import { estimateBackup } from '../functions/estimate/estimate-backup.ts';
import { estimateRestore } from '../functions/estimate/estimate-restore.ts';
import { nautobotRatios } from '../functions/estimate/rates.ts';
import { readMediaShape, readShape } from '../functions/estimate/read-shape.ts';
import type { Database } from '../functions/postgres/session.ts';
import { cacheChecks } from '../functions/restore/cache-checks.ts';
import { type Check, checkEntry, refusalsOf, tried } from '../functions/run/check.ts';
import { need } from '../functions/run/require.ts';
import { checkReadable } from '../functions/snapshot/check-readable.ts';
import { readRelations } from '../functions/snapshot/relations.ts';
import { type LeaveOut, selectRelations } from '../functions/snapshot/select-relations.ts';
import { connectForSnapshot } from '../functions/snapshot/snapshot-session.ts';
import type { LocalSurroundings } from '../local/run-machine.ts';
import type { backupChoices } from './backup.ts';
import { examineTargetEarly, type RulesGiven } from './check-early.ts';
import type { Io } from './io.ts';
import type { Options } from './option.ts';
import type { DryRunOfBackup } from './report/dry-run-report.ts';

/**
 * Looks at everything that a backup, and with `rules` the restore after it, would look at first; changes nothing.
 * @throws what is wrong with the source's server or the patterns
 */
export async function lookAtBackup(
  chosen: Options<typeof backupChoices>,
  surroundings: LocalSurroundings,
  io: Io,
  rules?: RulesGiven,
): Promise<DryRunOfBackup> {
  const { signal } = io;
  const { cache, progress } = surroundings;
  const source = need(surroundings, 'source');
  const leaveOut = {
    excludeTables: chosen.excludeTable,
    excludeTableData: chosen.excludeTableData,
    schemaOnly: chosen.schemaOnly,
  };
  const { source: facts, tables, definitionOnly } = await readShape(source, leaveOut, signal);
  const readable = await tried('tables', () => readableTables(source, leaveOut, signal), signal);
  const media = await lookAtMedia(surroundings, signal);
  const shape = { tables, definitionOnly, media: media.shape, ratios: nautobotRatios };
  const how = { jobs: chosen.jobs, shardBytes: chosen.shardSize, serverVersion: facts.serverVersionNum };
  const backup = estimateBackup(shape, how);
  const target = rules && (await lookAtTarget(surroundings, rules, backup.textBytes, signal));
  const profiles = await lookAtProfiles(surroundings, leaveOut, signal);
  const checks = [
    ...readable,
    ...profiles,
    ...media.checks,
    ...(target ?? []),
    ...(cache ? await cacheChecks(cache, { signal, progress }) : []),
  ];
  const [gravest] = refusalsOf(checks);
  return {
    dryRun: true,
    source: { host: facts.host, port: facts.port, database: facts.database },
    target: rules ? placeOf(need(surroundings, 'target')) : null,
    tables: tables.length,
    definitionOnly,
    bytes: backup.textBytes,
    storedBytes: backup.storedBytes,
    media: media.shape,
    seconds: { backup: backup.seconds, restore: rules ? estimateRestore(shape, how).seconds : null },
    checks: checks.map(checkEntry),
    possible: gravest === undefined,
    exitCode: gravest?.exitCode ?? 0,
  };
}

/** What a profile says is held against the source's tables, also where it is applied at the restore that follows. */
async function lookAtProfiles(
  surroundings: LocalSurroundings,
  leaveOut: LeaveOut,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  const checks: Check[] = [];
  for (const choice of [surroundings.sourceProfile, surroundings.targetProfile]) {
    if (!choice) continue;
    const fits = async () => {
      await checkProfile(choice, need(surroundings, 'source'), leaveOut, signal);
      return `${choice.reference ?? '--rows'} fits the tables of the source`;
    };
    checks.push(...(await tried('profile', fits, signal)));
  }
  return checks;
}

function placeOf({ address: { host, port, database } }: Database) {
  return { host, port, database };
}

async function readableTables(source: Database, leaveOut: LeaveOut, signal: AbortSignal): Promise<string> {
  const session = await connectForSnapshot(source, { applicationName: 'replicator:dry-run', signal });
  try {
    const selection = selectRelations(await readRelations(session), leaveOut, source.address.database);
    await checkReadable(session, selection);
    return `the role may read all ${selection.rows.length}, and the server has room for a lock on each`;
  } finally {
    await session.end();
  }
}

async function lookAtMedia({ sourceMedia }: LocalSurroundings, signal: AbortSignal) {
  if (sourceMedia === undefined) return { shape: null, checks: [] };
  let shape: DryRunOfBackup['media'] = null;
  const checks = await tried(
    'source-media',
    async () => {
      shape = await readMediaShape(sourceMedia, signal);
      return `${sourceMedia} can be read`;
    },
    signal,
  );
  return { shape, checks };
}

async function lookAtTarget(
  surroundings: LocalSurroundings,
  rules: RulesGiven,
  textBytes: number,
  signal: AbortSignal,
): Promise<readonly Check[]> {
  let found: readonly Check[] = [];
  const connection = await tried(
    'connection',
    async () => {
      found = (await examineTargetEarly(surroundings, rules, textBytes, signal)).checks;
      return 'the server answers and lets the role in';
    },
    signal,
  );
  return [...connection, ...found];
}
