/** A finding of AWS Solutions' rules that is meant to be so, and why. */
export interface ExplainedFinding {
  /** The whole id of the finding. */
  readonly id: RegExp;
  /** The construct's path. */
  readonly at: RegExp;
  readonly reason: string;
}

const handlerRole = /\/Handlers\/\w+Role\/Resource$/;
const machineRole = /\/Machine\/Role\/(DefaultPolicy|DistributedMapPolicy)\/Resource$/;
const mapPolicy = /\/Machine\/(Role\/)?DistributedMapPolicy\w*\/Resource$/;

/** Every finding is about one kind of resource; what none of these explains fails the synthesis. */
export const explainedFindings: readonly ExplainedFinding[] = [
  {
    id: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    at: handlerRole,
    reason:
      'Network interfaces, which Lambda makes for the function and its code is denied, and X-Ray know no permissions for single resources',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::\*\]$/,
    at: machineRole,
    reason: 'Delivery of logs and X-Ray know no permissions for single resources',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::.+\/(runs|backups|locks|reports)\/\*\]$/,
    at: handlerRole,
    reason: 'Objects are named by runs that are yet to come: what is allowed is one folder of the store',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::arn:.+:states:.+:execution:\w[\w-]*-\*:\*\]$/,
    at: handlerRole,
    reason:
      'Whoever holds a lock may be any execution of any machine of this deployment, and those are named when they start',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::.+\.Arn>:\*\]$/,
    at: machineRole,
    reason: 'Versions of the functions that the machine runs',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::arn:.+:states:.+:execution:.+:?\*\]$/,
    at: machineRole,
    reason: 'Executions of the machines that this one runs are named when they start',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::arn:.+:ecs:.+:task\/.+\/\*\]$/,
    at: machineRole,
    reason: 'Tasks are named when they start; they are those of one cluster',
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::.+:\*\]$/,
    at: mapPolicy,
    reason: "Runs of the machine's own distributed maps are named when they start",
  },
  {
    id: /^AwsSolutions-IAM5\[Resource::.+\/(backups\/)?\*\]$/,
    at: /\/Store\/Replication\/Policy\/Resource$/,
    reason: 'S3 replicates all backups, into a bucket that may hold nothing else',
  },
  {
    id: /^AwsSolutions-S1$/,
    at: /\/Store\/Bucket\/Resource$/,
    reason:
      "Access logs need a bucket of the account's own choice; data events of CloudTrail tell the same (docs/deploy.md)",
  },
  {
    id: /^AwsSolutions-SQS3$/,
    at: /\/DeadLetters\/Resource$/,
    reason: 'It is a dead-letter queue itself',
  },
];
