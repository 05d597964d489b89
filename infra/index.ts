/** For an app of your own: a bucket of backups, what is backed up into it, and what is rebuilt from it. */
export { bundleHandlers } from './bundle.ts';
export { BackupStore, type BackupStoreOptions } from './constructs/backup-store.ts';
export {
  NautobotSource,
  type NautobotSourceOptions,
  type NautobotSourceProps,
} from './constructs/nautobot-source.ts';
export type * from './constructs/places.ts';
export { Replication, type ReplicationProps } from './constructs/replication.ts';
export {
  StagingTarget,
  type StagingTargetOptions,
  type StagingTargetProps,
} from './constructs/staging-target.ts';
export type { CodeOf, FunctionOptions } from './handler-functions.ts';
