import type { MediaBucket, MediaBuckets } from '../../store/media-bucket.ts';
import { MediaBucketEmpty, MediaBucketsOverlap } from '../errors.ts';

type Place = Pick<MediaBucket, 'bucket' | 'prefix' | 'uri'>;

/**
 * May the target's media be written there, and can both places be listed?
 * @param store where backups are
 * @returns what was found, in words
 * @throws MediaBucketsOverlap, MediaBucketEmpty, BucketMissing, StoreAccessDenied
 */
export async function checkMediaBuckets(
  { from, to, removesOthers }: MediaBuckets,
  store: Place,
): Promise<string> {
  const refuse = (other: Place, what: string) => {
    if (overlap(to, other))
      throw new MediaBucketsOverlap(
        `the target's media would be written into ${what}: ${to.uri('')} and ${other.uri('')} overlap; give it a bucket or prefix of its own`,
      );
  };
  refuse(from, "the source's media");
  refuse(store, 'the store of backups');
  const [isEmpty] = await Promise.all([from, to].map(hasNothing));
  if (isEmpty && removesOthers)
    throw new MediaBucketEmpty(
      `there is nothing at ${from.uri('')}, and ${to.uri('')} would be emptied: correct the prefix, or let the target keep what the source has not`,
    );
  return isEmpty
    ? `there is nothing at ${from.uri('')} to copy`
    : `media of ${from.uri('')} can be listed, and those of ${to.uri('')}`;
}

async function hasNothing(place: MediaBucket): Promise<boolean> {
  for await (const _ of place.list('')) return false;
  return true;
}

/** Is one of them, or a place in it, the other? */
function overlap(a: Place, b: Place): boolean {
  return a.bucket === b.bucket && (a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix));
}
