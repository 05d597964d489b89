/** For an app of your own: a bucket of backups, what is backed up into it, and what is rebuilt from it. */
export { bundleHandlers } from './bundle.ts';
export { BackupStore, type BackupStoreOptions, type BackupStoreProps } from './constructs/backup-store.ts';
export type { InstanceOptions, InstanceProps } from './constructs/instance.ts';
export {
  NautobotSource,
  type NautobotSourceOptions,
  type NautobotSourceProps,
} from './constructs/nautobot-source.ts';
export type * from './constructs/places.ts';
export { Replication, type ReplicationProps } from './constructs/replication.ts';
export { RunSchedule, type RunScheduleOptions, type RunScheduleProps } from './constructs/run-schedule.ts';
export {
  StagingTarget,
  type StagingTargetOptions,
  type StagingTargetProps,
} from './constructs/staging-target.ts';
export type { CodeOf, FunctionOptions } from './handler-functions.ts';
export { handlerNeeds } from './handler-needs.ts';
export { Endpoints, type EndpointsProps } from './network/endpoints.ts';
export {
  SourceAlarms,
  type SourceAlarmsOptions,
  type SourceAlarmsProps,
  TargetAlarms,
  type TargetAlarmsProps,
} from './observability/alarms.ts';
export { RunDashboard, type RunDashboardProps } from './observability/dashboard.ts';
export { RunTopic, type RunTopicOptions, type RunTopicProps } from './observability/run-topic.ts';
