import type { RunId } from './run-id.ts';

/** Where everything lies below the store's prefix. Only sealing writes under `backups/`. */
export const backupsFolder = 'backups/';
export const runsFolder = 'runs/';
export const locksFolder = 'locks/';

export const databaseFile = 'database.sql.zst';
export const schemaFile = 'schema.sql';
export const mediaFile = 'media.tar.zst';
export const manifestFile = 'manifest.json';

export function backupKey(backupId: RunId, file: string): string {
  return `${backupsFolder}${backupId}/${file}`;
}

export function runKey(runId: RunId, name: string): string {
  return `${runsFolder}${runId}/${name}`;
}

/** One try at a backup with one snapshot: a backup that starts over begins its second round. */
export interface Round {
  readonly runId: RunId;
  readonly round: number;
}

export function roundKey(at: Round, name: string): string {
  return runKey(at.runId, `round-${at.round}/${name}`);
}

/** PlanRestore leaves it before anything is built: without it a restore has left nothing but its record and locks. */
export function restorePlanKey(runId: RunId): string {
  return runKey(runId, 'restore.json');
}
