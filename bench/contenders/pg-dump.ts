import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchServers } from '../servers/servers.ts';
import type { Contender } from './contender.ts';

const run = promisify(execFile);

const upload = 'aws s3 cp --only-show-errors';
const loadFile = (jobs: number, file = 'nautobot.dump') =>
  [
    `${upload} "$STORE/nautobot.dump" "$WORK/${file}"`,
    `pg_restore -j${jobs} --no-owner -d "$TARGET" "$WORK/${file}"`,
  ].join('\n');

/** pg_dump refuses servers that are newer than itself. */
async function refusesServer({ environment, serverMajor }: BenchServers): Promise<string | undefined> {
  const { stdout } = await run('pg_dump', ['--version'], { env: environment });
  const major = Number(/\) (\d+)/.exec(stdout)?.[1]);
  return major < serverMajor ? `pg_dump ${major} refuses a server of version ${serverMajor}` : undefined;
}

export const pgDumpCustom: Contender = {
  name: 'pg_dump-fc',
  title: 'pg_dump -Fc | aws s3 cp',
  kind: 'backup',
  needs: ['pg_dump', 'aws'],
  script: () => `pg_dump -Fc "$SOURCE" | ${upload} - "$STORE/nautobot.dump"`,
  unfit: refusesServer,
  rebuild: loadFile(2),
};

export const pgDumpFast: Contender = {
  name: 'pg_dump-fc-z1',
  title: 'pg_dump -Fc -Z1 | aws s3 cp',
  kind: 'backup',
  needs: ['pg_dump', 'aws'],
  script: () => `pg_dump -Fc -Z1 "$SOURCE" | ${upload} - "$STORE/nautobot.dump"`,
  unfit: refusesServer,
  rebuild: loadFile(2, 'fast.dump'),
};

export const pgDumpDirectory: Contender = {
  name: 'pg_dump-fd',
  title: 'pg_dump -Fd -j2, aws s3 cp --recursive',
  kind: 'backup',
  needs: ['pg_dump', 'aws'],
  script: ({ jobs, pgDumpHasZstd }) =>
    [
      `pg_dump -Fd -j${jobs}${pgDumpHasZstd ? ' --compress=zstd' : ''} -f "$WORK/dump" "$SOURCE"`,
      `${upload} --recursive "$WORK/dump" "$STORE/"`,
    ].join('\n'),
  unfit: refusesServer,
  rebuild: `${upload} --recursive "$STORE/" "$WORK/dump"\npg_restore -j2 --no-owner -d "$TARGET" "$WORK/dump"`,
};

const analyze = (jobs: number) => `vacuumdb --quiet --analyze-only -j${jobs} -d "$TARGET"`;

export const pgRestore: Contender = {
  name: 'pg_restore',
  title: 'aws s3 cp, pg_restore -j2, ANALYZE',
  kind: 'restore',
  needs: ['pg_restore', 'vacuumdb', 'aws'],
  reads: 'pg_dump-fc',
  script: ({ jobs }) => `${loadFile(jobs)}\n${analyze(jobs)}`,
};

/** The backup's own file, as somebody would load it who has no replicator. */
export const psql: Contender = {
  name: 'psql',
  title: 'aws s3 cp | zstd -d | psql, ANALYZE',
  kind: 'restore',
  needs: ['psql', 'vacuumdb', 'aws', 'zstd'],
  reads: 'replicator-backup',
  script: ({ jobs }) =>
    [
      `${upload} "$STORE/backups/$BACKUP/database.sql.zst" - | zstd -dc | psql -Xq -v ON_ERROR_STOP=1 "$TARGET"`,
      analyze(jobs),
    ].join('\n'),
};
