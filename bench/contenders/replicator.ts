import type { Contender } from './contender.ts';

const restore = (jobs: number) =>
  `bin/replicator.js restore --quiet --yes --store "$STORE" --target "$TARGET" --jobs ${jobs}`;

export const replicatorBackup: Contender = {
  name: 'replicator-backup',
  title: 'replicator backup',
  kind: 'backup',
  needs: [],
  script: ({ jobs }) => `bin/replicator.js backup --quiet --source "$SOURCE" --store "$STORE" --jobs ${jobs}`,
  rebuild: restore(2),
};

export const replicatorRestore: Contender = {
  name: 'replicator-restore',
  title: 'replicator restore',
  kind: 'restore',
  needs: [],
  reads: 'replicator-backup',
  script: ({ jobs }) => restore(jobs),
};
