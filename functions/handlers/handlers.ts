import { announceFailure } from './announce-failure.ts';
import { announceBackup } from './backup/announce-backup.ts';
import { archiveMedia } from './backup/archive-media.ts';
import { compareMedia } from './backup/compare-media.ts';
import { copyShard } from './backup/copy-shard.ts';
import { dumpSchema } from './backup/dump-schema.ts';
import { keepSnapshot } from './backup/keep-snapshot.ts';
import { openSnapshot } from './backup/open-snapshot.ts';
import { planMedia } from './backup/plan-media.ts';
import { planShards } from './backup/plan-shards.ts';
import { readSequences } from './backup/read-sequences.ts';
import { releaseSnapshot } from './backup/release-snapshot.ts';
import { sealBackup } from './backup/seal-backup.ts';
import { begin } from './begin.ts';
import { cleanUp } from './clean-up.ts';
import { invalidateCache } from './invalidate-cache.ts';
import { lock } from './lock.ts';
import { readFailure } from './read-failure.ts';
import { addConstraints } from './restore/add-constraints.ts';
import { addMediaObjects } from './restore/add-media-objects.ts';
import { addTriggers } from './restore/add-triggers.ts';
import { afterRestore } from './restore/after-restore.ts';
import { analyze } from './restore/analyze.ts';
import { announceRestore } from './restore/announce-restore.ts';
import { buildIndexes } from './restore/build-indexes.ts';
import { createDatabase } from './restore/create-database.ts';
import { drainBroker } from './restore/drain-broker.ts';
import { extractMedia } from './restore/extract-media.ts';
import { loadPreData } from './restore/load-pre-data.ts';
import { loadShard } from './restore/load-shard.ts';
import { planRestore } from './restore/plan-restore.ts';
import { refreshViews } from './restore/refresh-views.ts';
import { sanitize } from './restore/sanitize.ts';
import { setSequences } from './restore/set-sequences.ts';
import { settleMediaObjects } from './restore/settle-media-objects.ts';
import { switchOver } from './restore/switch-over.ts';
import { verifyRestore } from './restore/verify-restore.ts';
import type { StateHandler } from './state-handler.ts';

/** Every handler by the name of the state that it works for. */
export const handlers = {
  Begin: begin,
  Lock: lock,

  KeepSnapshot: keepSnapshot,
  OpenSnapshot: openSnapshot,
  DumpSchema: dumpSchema,
  PlanShards: planShards,
  CopyShard: copyShard,
  PlanMedia: planMedia,
  CompareMedia: compareMedia,
  ArchiveMedia: archiveMedia,
  ReadSequences: readSequences,
  ReleaseSnapshot: releaseSnapshot,
  SealBackup: sealBackup,
  AnnounceBackup: announceBackup,

  PlanRestore: planRestore,
  CreateDatabase: createDatabase,
  LoadPreData: loadPreData,
  LoadShard: loadShard,
  ExtractMedia: extractMedia,
  Sanitize: sanitize,
  BuildIndexes: buildIndexes,
  AddConstraints: addConstraints,
  AddTriggers: addTriggers,
  RefreshViews: refreshViews,
  SetSequences: setSequences,
  Analyze: analyze,
  VerifyRestore: verifyRestore,
  AddMediaObjects: addMediaObjects,
  SwitchOver: switchOver,
  SettleMediaObjects: settleMediaObjects,
  DrainBroker: drainBroker,
  AfterRestore: afterRestore,
  AnnounceRestore: announceRestore,

  InvalidateCache: invalidateCache,
  ReadFailure: readFailure,
  CleanUp: cleanUp,
  AnnounceFailure: announceFailure,
} as const satisfies Record<string, StateHandler>;
