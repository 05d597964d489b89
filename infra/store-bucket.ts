import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { backupsFolder, runsFolder } from '../functions/run/keys.ts';

/** The bucket of all backups: it outlives the stack, speaks TLS only, and no key under `backups/` is written twice. */
export function storeBucket(
  scope: Construct,
  options: { prefix: string; runsExpireAfterDays: number },
): Bucket {
  const bucket = new Bucket(scope, 'Store', {
    versioned: true,
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    enforceSSL: true,
    removalPolicy: RemovalPolicy.RETAIN,
    lifecycleRules: [
      { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
      {
        id: 'working-objects',
        prefix: `${options.prefix}${runsFolder}`,
        expiration: Duration.days(options.runsExpireAfterDays),
        noncurrentVersionExpiration: Duration.days(1),
      },
    ],
  });
  // s3:PutObject is creating, uploading parts and completing at once; only what makes an object must be conditional.
  // (Amazon S3 user guide, "Enforce conditional writes on Amazon S3 buckets")
  bucket.addToResourcePolicy(
    new PolicyStatement({
      sid: 'SealedKeysAreNeverOverwritten',
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: [bucket.arnForObjects(`${options.prefix}${backupsFolder}*`)],
      conditions: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
    }),
  );
  return bucket;
}
