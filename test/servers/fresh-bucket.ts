import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';

export interface FreshBucket {
  readonly bucket: string;
  /** `s3://bucket/nautobot`, or with another prefix. */
  uri(prefix?: string): string;
  /** A client of its own, for looking at what is there; the caller may destroy it. */
  readonly client: S3Client;
  /** The standard AWS variables that lead the command line to it. */
  readonly env: Readonly<Record<string, string>>;
}

/** A client of the shared S3 server, s3rver. */
export function s3Client(): S3Client {
  const { endpoint, region, accessKeyId, secretAccessKey } = inject('servers').s3;
  return new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** Makes an empty bucket on the shared S3 server, s3rver. */
export async function freshBucket(): Promise<FreshBucket> {
  const client = s3Client();
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const uri = (prefix = 'nautobot') => (prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`);
  return { bucket, client, uri, env: inject('servers').s3.env };
}
