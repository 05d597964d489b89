import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  AnyPrincipal,
  ArnPrincipal,
  Effect,
  type IPrincipal,
  type IRole,
  PolicyStatement,
  ServicePrincipal,
} from 'aws-cdk-lib/aws-iam';
import { type IKey, Key } from 'aws-cdk-lib/aws-kms';
import { BlockPublicAccess, Bucket, BucketEncryption, type CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { backupsFolder } from '../../functions/run/keys.ts';
import { lifecycleRules, type StoreLifecycle } from './store-lifecycle.ts';
import { type ReplicationPlace, replicateBackups } from './store-replication.ts';

export interface BackupStoreOptions extends StoreLifecycle {
  /**
   * Key prefix of everything in the bucket; empty, or ending with `/`.
   * @default - none
   */
  readonly prefix?: string | undefined;
  /**
   * What encrypts the bucket: a key of its own, which then encrypts logs too, S3's, or the one given.
   * @default own
   */
  readonly key?: 'own' | 'none' | IKey | undefined;
  /**
   * Retention that SealBackup sets on the objects of a sealed backup; the bucket itself has no default retention, which
   * would hold working objects too.
   * @default - none
   */
  readonly objectLock?: { readonly mode: 'GOVERNANCE' | 'COMPLIANCE'; readonly days: number } | undefined;
  /**
   * Another bucket that sealed backups are copied to.
   * @default - none
   */
  readonly replication?: ReplicationPlace | undefined;
  /**
   * Accounts, or principals by ARN, elsewhere that may read backups.
   * @default - none
   */
  readonly readers?: readonly string[] | undefined;
  /**
   * Principals by ARN that may write under `backups/` besides SealBackup.
   * @default - none
   */
  readonly writers?: readonly string[] | undefined;
  /**
   * Another store, perhaps of another account, that restores read backups from.
   * @default - this one
   */
  readonly restoreFrom?: ForeignBackups | undefined;
}

export interface ForeignBackups {
  readonly bucket: string;
  /** @default - none */
  readonly prefix?: string | undefined;
  /** @default - the bucket isn't encrypted with a KMS key */
  readonly keyArn?: string | undefined;
}

export interface BackupStoreProps extends BackupStoreOptions {
  /** The deployment's name. */
  readonly deployment: string;
}

/** The bucket of all backups: it outlives its stack, speaks TLS only, and no key under `backups/` is written twice. */
export class BackupStore extends Construct {
  readonly props: BackupStoreProps;
  readonly bucket: Bucket;
  readonly prefix: string;
  /** What encrypts the bucket, where that isn't S3's own key. */
  readonly key: IKey | undefined;
  /** The same, where it is this store's own, and may encrypt logs and topics. */
  readonly ownKey: Key | undefined;
  readonly #writers: string[];

  constructor(scope: Construct, id: string, props: BackupStoreProps) {
    super(scope, id);
    this.props = props;
    const { prefix = '', key = 'own', objectLock, replication, writers = [], readers = [] } = props;
    this.prefix = prefix;
    this.ownKey = key === 'own' ? ownKey(this, props.deployment) : undefined;
    this.key = this.ownKey ?? (typeof key === 'string' ? undefined : key);
    this.bucket = new Bucket(this, 'Bucket', {
      versioned: true,
      ...(this.key
        ? { encryption: BucketEncryption.KMS, encryptionKey: this.key, bucketKeyEnabled: true }
        : { encryption: BucketEncryption.S3_MANAGED }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      removalPolicy: RemovalPolicy.RETAIN,
      ...(objectLock && { objectLockEnabled: true }),
      lifecycleRules: lifecycleRules(prefix, props),
    });
    this.#denyOverwriting();
    this.#writers = [...writers];
    if (this.#writers.length > 0) this.#denyOtherWriters();
    for (const reader of readers) this.#allowReading(principalOf(reader));
    if (replication)
      (this.bucket.node.defaultChild as CfnBucket).replicationConfiguration = replicateBackups(
        this,
        replication,
      );
  }

  /** Of all objects below a folder of the store. */
  arnBelow(folder: string): string {
    return this.bucket.arnForObjects(`${this.prefix}${folder}*`);
  }

  /** From then on nobody may write under `backups/` but this role, other sealing roles and the store's `writers`. */
  allowSealing(role: IRole): void {
    this.#writers.push(role.roleArn);
    if (this.#writers.length === 1) this.#denyOtherWriters();
  }

  // s3:PutObject is creating, uploading parts and completing at once; only what makes an object must be conditional.
  // (Amazon S3 user guide, "Enforce conditional writes on Amazon S3 buckets")
  #denyOverwriting(): void {
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

  #denyOtherWriters(): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid: 'OnlySealBackupWritesBackups',
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: [this.arnBelow(backupsFolder)],
        conditions: { ArnNotEquals: { 'aws:PrincipalArn': this.#writers } },
      }),
    );
  }

  #allowReading(reader: IPrincipal): void {
    const allow = (sid: string, actions: string[], resource: string) =>
      this.bucket.addToResourcePolicy(
        new PolicyStatement({ sid, principals: [reader], actions, resources: [resource] }),
      );
    allow('ReadBackups', ['s3:GetObject', 's3:GetObjectVersion'], this.arnBelow(backupsFolder));
    // Without a condition on the prefix: S3 answers 403 in place of 404 to a HEAD that the condition doesn't cover.
    allow('ListBackups', ['s3:ListBucket'], this.bucket.bucketArn);
    this.ownKey?.addToResourcePolicy(
      new PolicyStatement({ principals: [reader], actions: ['kms:Decrypt'], resources: ['*'] }),
    );
  }
}

const principalOf = (reader: string): IPrincipal =>
  new ArnPrincipal(/^\d+$/.test(reader) ? `arn:aws:iam::${reader}:root` : reader);

/** Also for the logs of the deployment's functions and machines, and for alarms that are sent to its topic. */
function ownKey(scope: Construct, deployment: string): Key {
  const key = new Key(scope, 'Key', {
    description: `${deployment}: backups, logs, notifications`,
    enableKeyRotation: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  const { partition, region, account } = Stack.of(scope);
  const actions = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('logs.amazonaws.com')],
      actions,
      resources: ['*'],
      conditions: {
        ArnLike: {
          'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:/aws/*/${deployment}-*`,
        },
      },
    }),
  );
  key.addToResourcePolicy(
    new PolicyStatement({
      principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
      actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
      resources: ['*'],
      conditions: { StringEquals: { 'aws:SourceAccount': account } },
    }),
  );
  return key;
}
