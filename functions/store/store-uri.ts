import { BadStoreUri } from './errors.ts';

export interface StoreUri {
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
}

/** Bucket names of S3 and of servers that keep its older, wider rule (capitals, underscores). */
const bucketName = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/;

/** Takes `s3://bucket/prefix` apart; nothing is percent-decoded. Throws `BadStoreUri`. */
export function parseStoreUri(uri: string): StoreUri {
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(uri);
  if (!match) throw bad(uri, 'it does not begin with s3://');
  const bucket = match[1] ?? '';
  if (bucket === '') throw bad(uri, 'the bucket is missing');
  if (!bucketName.test(bucket)) throw bad(uri, `${JSON.stringify(bucket)} is not a bucket name`);
  const path = (match[2] ?? '').replace(/^\/+|\/+$/g, '');
  const segments = path === '' ? [] : path.split('/');
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..')
      throw bad(uri, 'the prefix has an empty segment, "." or ".."');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be kept out
    if (/[\u0000-\u001f\u007f]/.test(segment)) throw bad(uri, 'the prefix has a control character');
  }
  return { bucket, prefix: segments.map((segment) => `${segment}/`).join('') };
}

function bad(uri: string, why: string): BadStoreUri {
  return new BadStoreUri(
    `--store ${JSON.stringify(uri)} is not usable: ${why}. Give it as s3://bucket/prefix, for example s3://my-backups/nautobot.`,
  );
}
