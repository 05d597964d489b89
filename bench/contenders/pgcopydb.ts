import type { Contender } from './contender.ts';

/** Straight from server to server, without an archive; it analyses what it has loaded. */
export const pgcopydb: Contender = {
  name: 'pgcopydb',
  title: 'pgcopydb clone, server to server',
  kind: 'clone',
  needs: ['pgcopydb', 'pg_dump', 'pg_restore'],
  script: ({ jobs }) =>
    `pgcopydb clone --source "$SOURCE" --target "$TARGET" --dir "$WORK/pgcopydb" --table-jobs ${jobs} --index-jobs ${jobs} --no-owner --no-acl`,
};
