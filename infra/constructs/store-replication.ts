import { Stack } from 'aws-cdk-lib';
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { backupsFolder } from '../../functions/run/keys.ts';
import type { BackupStore } from './backup-store.ts';

export interface ReplicationPlace {
  /** A versioned bucket; with Object Lock where ours has it. */
  readonly bucketArn: string;
  /**
   * Its account, which replicas then belong to.
   * @default - ours
   */
  readonly account?: string | undefined;
  /**
   * The key that encrypts replicas.
   * @default - none; needed where ours is encrypted by a KMS key
   */
  readonly keyArn?: string | undefined;
  /** @default STANDARD */
  readonly storageClass?: string | undefined;
}

/** S3 copies every object under `backups/`; deletions are not repeated there. */
export function replicateBackups(
  store: BackupStore,
  place: ReplicationPlace,
): CfnBucket.ReplicationConfigurationProperty {
  const { bucketArn, account, keyArn, storageClass = 'STANDARD' } = place;
  const scope = new Construct(store, 'Replication');
  const role = new Role(scope, 'Role', {
    description: 'S3 replicates sealed backups',
    assumedBy: new ServicePrincipal('s3.amazonaws.com'),
  });
  // A resource of its own: the bucket names the role, and the policy names the bucket.
  new Policy(scope, 'Policy', { roles: [role], statements: statements(store, place) });
  return {
    role: role.roleArn,
    rules: [
      {
        id: 'sealed-backups',
        status: 'Enabled',
        priority: 1,
        filter: { prefix: `${store.prefix}${backupsFolder}` },
        deleteMarkerReplication: { status: 'Disabled' },
        ...(store.key && { sourceSelectionCriteria: { sseKmsEncryptedObjects: { status: 'Enabled' } } }),
        destination: {
          bucket: bucketArn,
          storageClass,
          ...(account && { account, accessControlTranslation: { owner: 'Destination' } }),
          ...(keyArn && { encryptionConfiguration: { replicaKmsKeyId: keyArn } }),
        },
      },
    ],
  };
}

/** As in "Setting up permissions for live replication", Amazon S3 user guide. */
function statements(store: BackupStore, { bucketArn, account, keyArn }: ReplicationPlace): PolicyStatement[] {
  const allow = (actions: string[], ...resources: string[]) => new PolicyStatement({ actions, resources });
  return [
    allow(['s3:GetReplicationConfiguration', 's3:ListBucket'], store.bucket.bucketArn),
    allow(
      [
        's3:GetObjectVersionForReplication',
        's3:GetObjectVersionAcl',
        's3:GetObjectVersionTagging',
        ...(store.props.objectLock ? ['s3:GetObjectRetention', 's3:GetObjectLegalHold'] : []),
      ],
      store.arnBelow(backupsFolder),
    ),
    allow(
      ['s3:ReplicateObject', 's3:ReplicateTags', ...(account ? ['s3:ObjectOwnerOverrideToBucketOwner'] : [])],
      `${bucketArn}/*`,
    ),
    ...(store.key
      ? [
          new PolicyStatement({
            actions: ['kms:Decrypt'],
            resources: [store.key.keyArn],
            conditions: { StringLike: { 'kms:ViaService': `s3.${Stack.of(store).region}.amazonaws.com` } },
          }),
        ]
      : []),
    ...(keyArn ? [allow(['kms:Encrypt', 'kms:GenerateDataKey'], keyArn)] : []),
  ];
}
