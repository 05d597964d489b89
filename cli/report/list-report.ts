import { bytes, count, moment } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import type { BackupSummary } from './summary.ts';

/** A backup whose manifest is damaged or of a newer format. */
export interface UnusableBackup {
  readonly backupId: string;
  readonly uri: string;
  readonly problem: { readonly code: string; readonly message: string };
}

export type ListedBackup = BackupSummary | UnusableBackup;

const columns = [
  { title: 'BACKUP' },
  { title: 'AS OF' },
  { title: 'SOURCE' },
  { title: 'SIZE', right: true },
  { title: 'TABLES', right: true },
  { title: 'ROWS', right: true },
  { title: 'MEDIA', right: true },
];

/** One line a backup, then what is wrong with those that can't be used. */
export function listLines(backups: readonly ListedBackup[], store: string): string[] {
  if (backups.length === 0) return [`no backups in ${store} yet`];
  const problems = backups.flatMap((backup) =>
    'problem' in backup ? [`${backup.backupId}: ${backup.problem.message}`] : [],
  );
  return [...tableLines(columns, backups.map(cells)), ...problems];
}

function cells(backup: ListedBackup): string[] {
  if ('problem' in backup) return [backup.backupId, backup.problem.code];
  return [
    backup.backupId,
    moment(backup.snapshotAt),
    `${backup.source.database}@${backup.source.host}:${backup.source.port}`,
    bytes(backup.storedBytes),
    count(backup.tables),
    backup.leftOut.allRows ? 'none' : count(backup.rows),
    backup.media ? count(backup.media.files) : '-',
  ];
}
