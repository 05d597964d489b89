import { BadStoreUri } from './errors.ts';

export interface StoreUri {
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
}

/** Bucket names of S3 and of servers that keep its older, wider rule (capitals, underscores). */
const bucketName = /^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/;

/**
 * Takes `s3://bucket/prefix` apart; nothing is percent-decoded. Throws `BadStoreUri`.
 * @param from the option or variable that gave it, for the message
 */
export function parseStoreUri(uri: string, from = '--store'): StoreUri {
  const bad = (why: string) => badUri(uri, from, why);
  const match = /^s3:\/\/([^/]*)(?:\/(.*))?$/s.exec(uri);
  if (!match) throw bad('it does not begin with s3://');
  const bucket = match[1] ?? '';
  if (bucket === '') throw bad('the bucket is missing');
  if (!bucketName.test(bucket)) throw bad(`${JSON.stringify(bucket)} is not a bucket name`);
  const path = (match[2] ?? '').replace(/^\/+|\/+$/g, '');
  const segments = path === '' ? [] : path.split('/');
  for (const segment of segments) {
    if (segment === '' || segment === '.' || segment === '..')
      throw bad('the prefix has an empty segment, "." or ".."');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be kept out
    if (/[\u0000-\u001f\u007f]/.test(segment)) throw bad('the prefix has a control character');
  }
  return { bucket, prefix: segments.map((segment) => `${segment}/`).join('') };
}

function badUri(uri: string, from: string, why: string): BadStoreUri {
  return new BadStoreUri(
    `${from} ${JSON.stringify(uri)} is not usable: ${why}. Give it as s3://bucket/prefix, for example s3://my-backups/nautobot.`,
  );
}
