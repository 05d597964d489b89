/** Outputs of a deployment's stacks: written by infra/, and what `replicator start` and `status` find machines by. */
export const stackOutputs = {
  bucket: 'BucketName',
  prefix: 'Prefix',
  backupMachine: 'BackupMachineArn',
  cleanUpMachine: 'CleanUpMachineArn',
  /** Of the main stack: the names of its targets, separated by commas. */
  targets: 'TargetNames',
  /** Of a target's stack, `<stack>-<target>`. */
  targetName: 'TargetName',
  restoreMachine: 'RestoreMachineArn',
  replicateMachine: 'ReplicateMachineArn',
} as const;
