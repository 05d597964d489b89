import { ArnFormat, Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { reportsFolder } from '../functions/report/keys.ts';
import { backupsFolder, locksFolder, runsFolder } from '../functions/run/keys.ts';
import { parseStoreUri } from '../functions/store/store-uri.ts';
import type { BackupStore } from './constructs/backup-store.ts';
import type { MediaMount } from './constructs/places.ts';
import type { HandlerNeeds } from './handler-needs.ts';
import { type Given, givenTo, type HandlerSurroundings, secretsOf } from './handler-surroundings.ts';

interface Parts {
  readonly scope: Construct;
  readonly functionName: string;
  readonly logGroup: ILogGroup;
}

const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });

/** The statements of a handler's role, by hand: CDK's grants give more than they say (PutObjectRetention, ClientWrite). */
export function handlerPolicies(
  needs: HandlerNeeds,
  around: HandlerSurroundings,
  parts: Parts,
): PolicyStatement[] {
  const given = givenTo(needs, around);
  return [
    ...runtimeStatements(parts),
    ...storeStatements(needs, around.store),
    ...keyStatements(needs.store, around.store),
    ...(given.target && needs.backups ? foreignStatements(around.store, parts.scope) : []),
    ...secretsOf(given).flatMap(({ secretArn, keyArn }) => [
      allow(['secretsmanager:GetSecretValue'], secretArn),
      ...(keyArn ? [allow(['kms:Decrypt'], keyArn)] : []),
    ]),
    ...loginStatements(given, parts.scope),
    ...mediaStatements(given),
    ...bucketStatements(given, parts.scope),
    ...(needs.executions ? [executionStatement(parts.scope, around.deployment)] : []),
  ];
}

/**
 * What every function has: its own log, traces, and network interfaces in the VPC. The latter are for Lambda itself;
 * the code of the function is denied them ("Example IAM policies for Lambda functions in a VPC", developer guide).
 */
function runtimeStatements({ scope, functionName, logGroup }: Parts): PolicyStatement[] {
  const interfaces = [
    'ec2:CreateNetworkInterface',
    'ec2:DescribeNetworkInterfaces',
    'ec2:DescribeSubnets',
    'ec2:DeleteNetworkInterface',
    'ec2:AssignPrivateIpAddresses',
    'ec2:UnassignPrivateIpAddresses',
  ];
  const functionArn = Stack.of(scope).formatArn({
    service: 'lambda',
    resource: 'function',
    resourceName: functionName,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  });
  return [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], logGroup.logGroupArn),
    allow(['xray:PutTraceSegments', 'xray:PutTelemetryRecords'], '*'),
    allow(interfaces, '*'),
    new PolicyStatement({
      effect: Effect.DENY,
      actions: interfaces,
      resources: ['*'],
      conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
    }),
  ];
}

function storeStatements(
  { store: access, backups: readsBackups, uploads }: HandlerNeeds,
  store: BackupStore,
) {
  if (!access) return [];
  const { bucketArn } = store.bucket;
  const runs = store.arnBelow(runsFolder);
  const backups = store.arnBelow(backupsFolder);
  const locks = store.arnBelow(locksFolder);
  const reports = store.arnBelow(reportsFolder);
  const cleans = access === 'cleans' || access === 'begins';
  const read = [
    ...(access === 'reported' ? [] : [runs]),
    ...(readsBackups ? [backups] : []),
    ...(access === 'begins' ? [locks] : []),
    ...(cleans || access === 'reported' ? [reports] : []),
  ];
  const statements = [
    // Without a condition on the prefix: S3 answers 403 in place of 404 to a HEAD that the condition doesn't cover.
    allow(['s3:ListBucket'], bucketArn),
    allow(['s3:GetObject'], ...read),
  ];
  if (access === 'runs' || access === 'seals' || access === 'begins')
    statements.push(allow(['s3:PutObject'], runs));
  if (uploads) statements.push(allow(['s3:AbortMultipartUpload'], runs));
  if (access === 'seals')
    statements.push(
      allow(['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], backups),
      // To go on with a file that an earlier invocation had no time to put together whole
      allow(['s3:ListBucketMultipartUploads'], bucketArn),
      ...(store.props.objectLock ? [allow(['s3:PutObjectRetention'], backups)] : []),
    );
  if (access === 'begins') statements.push(allow(['s3:PutObject'], locks));
  if (cleans)
    statements.push(
      allow(['s3:DeleteObject'], locks),
      // What a restore came to, stored before what its states left is removed
      allow(['s3:PutObject'], reports),
      allow(['s3:DeleteObject', 's3:AbortMultipartUpload'], runs),
      allow(['s3:AbortMultipartUpload'], backups),
      allow(['s3:ListBucketMultipartUploads'], bucketArn),
    );
  return statements;
}

/** Uploads in parts need to decrypt, too ("Protecting data with SSE-KMS", Amazon S3 user guide). */
function keyStatements(access: HandlerNeeds['store'], { key }: BackupStore): PolicyStatement[] {
  if (!access || !key) return [];
  return [
    allow(
      ['kms:Decrypt', ...(access === 'told' || access === 'reported' ? [] : ['kms:GenerateDataKey'])],
      key.keyArn,
    ),
  ];
}

/** Backups that are restored from another store. */
function foreignStatements({ props: { restoreFrom } }: BackupStore, scope: Construct): PolicyStatement[] {
  if (!restoreFrom) return [];
  const { bucket, prefix = '', keyArn } = restoreFrom;
  const bucketArn = `arn:${Stack.of(scope).partition}:s3:::${bucket}`;
  return [
    allow(['s3:GetObject'], `${bucketArn}/${prefix}${backupsFolder}*`),
    allow(['s3:ListBucket'], bucketArn),
    ...(keyArn ? [allow(['kms:Decrypt'], keyArn)] : []),
  ];
}

function loginStatements({ source, target }: Given, scope: Construct): PolicyStatement[] {
  return [source, target].flatMap((login) =>
    login && 'iam' in login
      ? [
          allow(
            ['rds-db:connect'],
            Stack.of(scope).formatArn({
              service: 'rds-db',
              resource: 'dbuser',
              resourceName: `${login.iam.resourceId}/${login.iam.user}`,
              arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            }),
          ),
        ]
      : [],
  );
}

function mediaStatements({ sourceMedia, targetMedia }: Given): PolicyStatement[] {
  const mount = ({ accessPointArn, fileSystemArn }: MediaMount, actions: string[]) =>
    new PolicyStatement({
      actions: ['elasticfilesystem:ClientMount', ...actions],
      resources: [fileSystemArn],
      conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': accessPointArn } },
    });
  return [
    ...(sourceMedia ? [mount(sourceMedia, [])] : []),
    ...(targetMedia ? [mount(targetMedia, targetMedia.writes ? ['elasticfilesystem:ClientWrite'] : [])] : []),
  ];
}

/** Media of a remote storage backend. Copies carry no tags, so that no right to them is needed. */
function bucketStatements({ mediaBuckets }: Given, scope: Construct): PolicyStatement[] {
  if (!mediaBuckets) return [];
  const { access, copyFrom, copyTo, copyFromKeyArn, copyToKeyArn, removeOthers } = mediaBuckets;
  const arns = (uri: string) => {
    const { bucket, prefix } = parseStoreUri(uri);
    const bucketArn = `arn:${Stack.of(scope).partition}:s3:::${bucket}`;
    return { bucketArn, objects: `${bucketArn}/${prefix}*` };
  };
  const [from, to] = [arns(copyFrom), arns(copyTo)];
  const listing = allow(['s3:ListBucket'], ...new Set([from.bucketArn, to.bucketArn]));
  if (access === 'lists') return [listing];
  const writes = ['s3:PutObject', 's3:AbortMultipartUpload'];
  return [
    listing,
    allow(['s3:GetObject'], from.objects),
    allow(access === 'settles' && removeOthers ? [...writes, 's3:DeleteObject'] : writes, to.objects),
    ...(copyFromKeyArn ? [allow(['kms:Decrypt'], copyFromKeyArn)] : []),
    ...(copyToKeyArn ? [allow(['kms:Decrypt', 'kms:GenerateDataKey'], copyToKeyArn)] : []),
  ];
}

/** Of every machine of the deployment: whoever holds a lock, or left a run behind, may be any of them. */
function executionStatement(scope: Construct, deployment: string): PolicyStatement {
  return allow(
    ['states:DescribeExecution'],
    Stack.of(scope).formatArn({
      service: 'states',
      resource: 'execution',
      resourceName: `${deployment}-*:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    }),
  );
}
