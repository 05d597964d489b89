import type { Contender } from './contender.ts';
import { copyLimit } from './copy-limit.ts';
import { pgDumpCustom, pgDumpDirectory, pgDumpFast, pgRestore, psql } from './pg-dump.ts';
import { pgcopydb } from './pgcopydb.ts';
import { replicatorBackup, replicatorRestore } from './replicator.ts';

/** In the order in which they are reported; a restore comes after the backup that it reads. */
export const contenders: readonly Contender[] = [
  replicatorBackup,
  pgDumpCustom,
  pgDumpFast,
  pgDumpDirectory,
  copyLimit,
  replicatorRestore,
  pgRestore,
  psql,
  pgcopydb,
];
