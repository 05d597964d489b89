import { ArnFormat, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { reportsFolder } from '../functions/report/keys.ts';
import { backupsFolder, locksFolder, runsFolder } from '../functions/run/keys.ts';
import type { Configuration } from './configuration.ts';
import type { HandlerNeeds } from './handler-needs.ts';

/** The statements of a handler's role, by hand: CDK's grants give more than they say (PutObjectRetention, ClientWrite). */
export function handlerPolicies(
  needs: HandlerNeeds,
  parts: { bucket: Bucket; configuration: Configuration },
): PolicyStatement[] {
  return [
    ...storeStatements(needs.store, parts.bucket, parts.configuration.prefix),
    ...secretStatements(needs, parts.configuration),
    ...mediaStatements(needs, parts.configuration),
    ...(needs.executions ? [executionStatement(parts.bucket, parts.configuration.stackName)] : []),
  ];
}

function storeStatements(store: HandlerNeeds['store'], bucket: Bucket, prefix: string): PolicyStatement[] {
  if (!store) return [];
  const below = (folder: string) => bucket.arnForObjects(`${prefix}${folder}*`);
  const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });
  const statements = [
    allow(
      ['s3:GetObject', 's3:GetObjectVersion'],
      below(runsFolder),
      below(backupsFolder),
      below(locksFolder),
      below(reportsFolder),
    ),
    allow(['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], below(runsFolder)),
    // Without a condition on the prefix: S3 answers 403 in place of 404 to a HEAD that the condition doesn't cover.
    allow(['s3:ListBucket'], bucket.bucketArn),
  ];
  if (store === 'seals')
    statements.push(
      allow(['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'], below(backupsFolder)),
      // To go on with a file that an earlier invocation had no time to put together whole
      allow(['s3:ListBucketMultipartUploads'], bucket.bucketArn),
    );
  if (store === 'cleans') {
    statements.push(
      allow(['s3:PutObject', 's3:DeleteObject'], below(locksFolder)),
      // What a restore came to, stored before what its states left is removed
      allow(['s3:PutObject'], below(reportsFolder)),
      allow(['s3:DeleteObject'], below(runsFolder)),
      allow(['s3:AbortMultipartUpload'], below(backupsFolder)),
      allow(['s3:ListBucketMultipartUploads'], bucket.bucketArn),
      // Files of a backup that was never sealed. The bucket is versioned, and no role may delete a version.
      allow(['s3:DeleteObject'], below(backupsFolder)),
    );
  }
  return statements;
}

function secretStatements(needs: HandlerNeeds, configuration: Configuration): PolicyStatement[] {
  const secrets = [
    needs.source && configuration.source,
    needs.target && configuration.target,
    needs.cache && configuration.cache,
  ].filter((secret) => secret !== undefined);
  return secrets.flatMap(({ secretArn, keyArn }) => [
    new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] }),
    ...(keyArn ? [new PolicyStatement({ actions: ['kms:Decrypt'], resources: [keyArn] })] : []),
  ]);
}

function mediaStatements(needs: HandlerNeeds, configuration: Configuration): PolicyStatement[] {
  const statement = (media: Configuration['sourceMedia'], actions: string[]) =>
    media
      ? [
          new PolicyStatement({
            actions,
            resources: [media.fileSystemArn],
            conditions: { StringEquals: { 'elasticfilesystem:AccessPointArn': media.accessPointArn } },
          }),
        ]
      : [];
  const mount = 'elasticfilesystem:ClientMount';
  return [
    ...(needs.sourceMedia ? statement(configuration.sourceMedia, [mount]) : []),
    ...(needs.targetMedia === 'reads' ? statement(configuration.targetMedia, [mount]) : []),
    ...(needs.targetMedia === 'writes'
      ? statement(configuration.targetMedia, [mount, 'elasticfilesystem:ClientWrite'])
      : []),
  ];
}

function executionStatement(scope: Bucket, stackName: string): PolicyStatement {
  return new PolicyStatement({
    actions: ['states:DescribeExecution'],
    resources: ['Backup', 'Restore'].map((machine) =>
      Stack.of(scope).formatArn({
        service: 'states',
        resource: 'execution',
        resourceName: `${stackName}-${machine}:*`,
        arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      }),
    ),
  });
}
