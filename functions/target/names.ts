import { createHash } from 'node:crypto';
import { RunId } from '../run/run-id.ts';

/** PostgreSQL's NAMEDATALEN is 64, the last byte ends the string. */
const nameBytes = 63;

/** `hidden`: being built; `previous`: what was in use before the switch-over. */
export type RunDatabaseKind = 'hidden' | 'previous';

export interface RunDatabase {
  readonly runId: RunId;
  readonly kind: RunDatabaseKind;
}

/** `<target>_r_<run-id>`: where a run builds. */
export function hiddenDatabaseName(target: string, runId: RunId): string {
  return withSuffix(target, `_r_${runId}`);
}

/** `<target>_p_<run-id>`: the database that was the target until the run's switch-over. */
export function previousDatabaseName(target: string, runId: RunId): string {
  return withSuffix(target, `_p_${runId}`);
}

/** Which run a database is of, by its name alone; undefined for all others. */
export function runOfDatabase(name: string): RunDatabase | undefined {
  const match = /_([rp])_([^_]+)$/.exec(name);
  const runId = RunId.safeParse(match?.[2]);
  if (!runId.success) return undefined;
  return { runId: runId.data, kind: match?.[1] === 'r' ? 'hidden' : 'previous' };
}

/** Whether a database was made or put aside by this run, whatever its target. */
export function ownedBy(runId: RunId, name: string): boolean {
  return runOfDatabase(name)?.runId === runId;
}

/** `replicator:<run-id>:<part>:…`, at most 63 bytes: how a run finds its own sessions. */
export function applicationName(runId: RunId, ...parts: readonly (string | number)[]): string {
  return `${applicationPrefix(runId)}${parts.join(':')}`.slice(0, nameBytes);
}

/** What the application names of all sessions of a run begin with. */
export function applicationPrefix(runId: RunId): string {
  return `replicator:${runId}:`;
}

/**
 * A long name loses its end and gets a digest instead, so that two targets never share a hidden database.
 * Cut between characters, not inside one: the server would reject half a character.
 */
function withSuffix(target: string, suffix: string): string {
  const room = nameBytes - Buffer.byteLength(suffix);
  if (Buffer.byteLength(target) <= room) return target + suffix;
  const digest = `~${createHash('sha256').update(target).digest('hex').slice(0, 8)}`;
  let kept = '';
  for (const character of target) {
    if (Buffer.byteLength(kept + character) > room - digest.length) break;
    kept += character;
  }
  return kept + digest + suffix;
}
