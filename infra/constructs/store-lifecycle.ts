import { Duration } from 'aws-cdk-lib';
import { type LifecycleRule, StorageClass } from 'aws-cdk-lib/aws-s3';
import { backupsFolder, locksFolder, runsFolder } from '../../functions/run/keys.ts';

export interface StoreLifecycle {
  /**
   * Cheaper storage classes for older backups, all of which are read at once.
   * @default - none
   */
  readonly transitions?: readonly {
    readonly afterDays: number;
    readonly storageClass: 'STANDARD_IA' | 'INTELLIGENT_TIERING' | 'GLACIER_IR';
  }[];
  /**
   * Days after which backups go.
   * @default - never
   */
  readonly backupsExpireAfterDays?: number | undefined;
  /**
   * Days for which a deleted backup can still be brought back.
   * @default 30
   */
  readonly replacedExpireAfterDays?: number | undefined;
  /**
   * Days after which working objects of runs go, whatever became of the run.
   * @default 7
   */
  readonly runsExpireAfterDays?: number | undefined;
}

const classes = {
  STANDARD_IA: StorageClass.INFREQUENT_ACCESS,
  INTELLIGENT_TIERING: StorageClass.INTELLIGENT_TIERING,
  GLACIER_IR: StorageClass.GLACIER_INSTANT_RETRIEVAL,
};

/** What goes from the bucket by itself. Every version that is no longer the current one does, in the end. */
export function lifecycleRules(prefix: string, lifecycle: StoreLifecycle): LifecycleRule[] {
  const { transitions = [], backupsExpireAfterDays, replacedExpireAfterDays = 30 } = lifecycle;
  const { runsExpireAfterDays = 7 } = lifecycle;
  return [
    { id: 'unfinished-uploads', abortIncompleteMultipartUploadAfter: Duration.days(7) },
    {
      id: 'working-objects',
      prefix: `${prefix}${runsFolder}`,
      expiration: Duration.days(runsExpireAfterDays),
      noncurrentVersionExpiration: Duration.days(1),
    },
    { id: 'locks', prefix: `${prefix}${locksFolder}`, noncurrentVersionExpiration: Duration.days(1) },
    {
      id: 'backups',
      prefix: `${prefix}${backupsFolder}`,
      noncurrentVersionExpiration: Duration.days(replacedExpireAfterDays),
      ...(backupsExpireAfterDays !== undefined && { expiration: Duration.days(backupsExpireAfterDays) }),
      ...(transitions.length > 0 && {
        transitions: transitions.map(({ afterDays, storageClass }) => ({
          transitionAfter: Duration.days(afterDays),
          storageClass: classes[storageClass],
        })),
      }),
    },
    { id: 'delete-markers', expiredObjectDeleteMarker: true },
  ];
}
