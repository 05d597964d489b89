import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { backupsFolder, runsFolder } from '../../functions/run/keys.ts';

export interface BackupStoreOptions {
  /**
   * Key prefix of everything in the bucket; empty, or ending with `/`.
   * @default - none
   */
  readonly prefix?: string | undefined;
  /**
   * What encrypts the bucket: a key of its own, S3's, or the one given.
   * @default own
   */
  readonly key?: 'own' | 'none' | IKey | undefined;
  /**
   * Days after which working objects of runs go, whatever became of the run.
   * @default 7
   */
  readonly runsExpireAfterDays?: number | undefined;
}

/** The bucket of all backups: it outlives its stack, speaks TLS only, and no key under `backups/` is written twice. */
export class BackupStore extends Construct {
  readonly bucket: Bucket;
  readonly prefix: string;
  /** What encrypts it, where that isn't S3's own key. */
  readonly key: IKey | undefined;

  constructor(scope: Construct, id: string, options: BackupStoreOptions = {}) {
    super(scope, id);
    const { prefix = '', key = 'own', runsExpireAfterDays = 7 } = options;
    this.prefix = prefix;
    this.key = key === 'own' ? this.#ownKey() : key === 'none' ? undefined : key;
    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      ...(this.key
        ? { encryption: BucketEncryption.KMS, encryptionKey: this.key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
        {
          id: 'working-objects',
          prefix: `${prefix}${runsFolder}`,
          expiration: Duration.days(runsExpireAfterDays),
          noncurrentVersionExpiration: Duration.days(1),
        },
      ],
    });
    // s3:PutObject is creating, uploading parts and completing at once; only what makes an object must be conditional.
    // (Amazon S3 user guide, "Enforce conditional writes on Amazon S3 buckets")
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'SealedKeysAreNeverOverwritten',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [this.arnBelow(backupsFolder)],
        conditions: { Null: { 's3:if-none-match': 'true' }, Bool: { 's3:ObjectCreationOperation': 'true' } },
      }),
    );
  }

  /** Of all objects below a folder of the store. */
  arnBelow(folder: string): string {
    return this.bucket.arnForObjects(`${this.prefix}${folder}*`);
  }

  #ownKey(): Key {
    return new Key(this, 'Key', {
      description: 'Encrypts backups',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });
  }
}
