/** Where databases, media and caches are: by ids and ARNs, never a secret itself. */

export interface SecretPlace {
  /** The secret in Secrets Manager. */
  readonly secretArn: string;
  /**
   * The KMS key that encrypts it.
   * @default - AWS' own key for Secrets Manager
   */
  readonly keyArn?: string | undefined;
}

/** Login by a secret whose value is a PostgreSQL URL, or the document that RDS makes. */
export interface SecretLogin extends SecretPlace {
  /**
   * The name of the database.
   * @default - the one that the secret names, else `nautobot`
   */
  readonly database?: string | undefined;
}

/** IAM database authentication. */
export interface IamLogin {
  readonly host: string;
  /** @default 5432 */
  readonly port?: number | undefined;
  /** @default nautobot */
  readonly database?: string | undefined;
  /** The role in the database, a member of `rds_iam`. */
  readonly user: string;
  /** `DbiResourceId` of the instance, or the resource id of a cluster or proxy. */
  readonly resourceId: string;
}

export type DatabasePlace = SecretLogin | { readonly iam: IamLogin };

/** An EFS access point, mounted by the functions that read or write media. */
export interface MediaMount {
  readonly accessPointArn: string;
  readonly fileSystemArn: string;
}

/** Media that Nautobot keeps elsewhere, and that this does not back up: where, in words for the manifest. */
export type SourceMediaPlace = MediaMount | { readonly remoteStorage: string };

/** Media of a remote storage backend: a restore copies them from the source's bucket into the target's. */
export interface MediaBucketCopy {
  /** `s3://bucket/prefix` of the source's media, in the region of the stack. */
  readonly copyFrom: string;
  /** `s3://bucket/prefix` of the target's. */
  readonly copyTo: string;
  /**
   * Remove from the target's bucket what the source's has not.
   * @default false
   */
  readonly removeOthers?: boolean | undefined;
  /**
   * The KMS key that encrypts the source's media.
   * @default - none, or AWS' own
   */
  readonly copyFromKeyArn?: string | undefined;
  /**
   * The KMS key that encrypts the target's media.
   * @default - none, or AWS' own
   */
  readonly copyToKeyArn?: string | undefined;
}

export type TargetMediaPlace = MediaMount | MediaBucketCopy;

/** Redis or Valkey by its endpoint. */
export interface CacheEndpoint {
  readonly host: string;
  /** @default 6379 */
  readonly port?: number | undefined;
  /** @default true */
  readonly tls?: boolean | undefined;
  /** @default - the server's default user */
  readonly user?: string | undefined;
  /**
   * A secret that is the password, as bare text.
   * @default - none
   */
  readonly password?: SecretPlace | undefined;
}

/** A secret that is a Redis URL, or an endpoint. */
export type CachePlace = (SecretPlace | CacheEndpoint) & {
  /**
   * `KEY_PREFIX` of Nautobot's `CACHES` setting.
   * @default - none
   */
  readonly keyPrefix?: string | undefined;
};

/** Where functions run. */
export interface NetworkPlace {
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
}

export const isMount = (media: SourceMediaPlace | TargetMediaPlace | undefined): media is MediaMount =>
  media !== undefined && 'accessPointArn' in media;
