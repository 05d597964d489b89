import type { BenchServers } from '../servers/servers.ts';

/** One command that is measured, its own tool's way of doing the job. */
export interface Contender {
  /** For --only, for the folder it writes to and the database it fills: `pg_dump-fc`. */
  readonly name: string;
  readonly title: string;
  /** What it is compared as: `limit` is no backup but the least that a backup costs. */
  readonly kind: 'backup' | 'limit' | 'restore' | 'clone';
  /** Programs that must be on the PATH. */
  readonly needs: readonly string[];
  /**
   * Run by bash in the project's folder. Variables: SOURCE and TARGET, URLs without a password; STORE, an s3:// URL of
   * the contender's own (a restore's: of the backup that it reads); WORK, an empty folder.
   */
  script(servers: BenchServers): string;
  /** Why this machine's version can't do it. */
  unfit?(servers: BenchServers): Promise<string | undefined>;
  /** A restore's: the contender whose backup it reads. */
  readonly reads?: string;
  /** A backup's: rebuilds TARGET from STORE, so that the rows can be compared. Needed where no restore reads it. */
  readonly rebuild?: string;
}
