import { UsageError } from '../functions/errors/usage.ts';
import type { Surroundings } from '../functions/run/surroundings.ts';
import { openMediaBucket } from '../functions/store/open-store.ts';
import { isBucket } from './options/values.ts';

/** What a person says of media: directories, or buckets as `s3://bucket/prefix`. */
export interface MediaPlaces {
  readonly sourceMedia?: string | undefined;
  readonly targetMedia?: string | undefined;
  /** The bucket of the source, of a restore. */
  readonly mediaFrom?: string | undefined;
  readonly removeOtherMedia?: boolean | undefined;
}

type Found = Pick<Surroundings, 'sourceMedia' | 'mediaReason' | 'targetMedia' | 'mediaBuckets'>;

/**
 * Directories are backed up and restored; what is in a bucket is copied from there into the target's bucket.
 * @throws UsageError where the two do not go together, BadStoreUri
 */
export function mediaPlacesOf(places: MediaPlaces): Found {
  const { sourceMedia, targetMedia, mediaFrom, removeOtherMedia = false } = places;
  const source = {
    ...(sourceMedia !== undefined && !isBucket(sourceMedia) && { sourceMedia }),
    ...(isBucket(sourceMedia) && { mediaReason: reasonOf(sourceMedia) }),
  };
  if (!isBucket(targetMedia)) {
    if (mediaFrom !== undefined || removeOtherMedia)
      throw new UsageError(
        "--media-from and --remove-other-media are about media in buckets; give the target's as s3://BUCKET/PREFIX, or leave them out",
      );
    if (targetMedia !== undefined && isBucket(sourceMedia))
      throw new UsageError(
        `media go from a directory into a directory or from a bucket into a bucket: --media is ${sourceMedia} and --target-media is ${targetMedia}`,
      );
    return { ...source, ...(targetMedia !== undefined && { targetMedia }) };
  }
  const [from, option] = isBucket(sourceMedia) ? [sourceMedia, '--media'] : [mediaFrom, '--media-from'];
  if (from === undefined)
    throw new UsageError(
      `${targetMedia} is filled from the source's bucket; give it with --media-from s3://BUCKET/PREFIX, of replicate with --media`,
    );
  const mediaBuckets = {
    from: openMediaBucket(from, option),
    to: openMediaBucket(targetMedia, "the target's media"),
    removesOthers: removeOtherMedia,
  };
  return { ...source, mediaBuckets };
}

/** @throws BadStoreUri */
function reasonOf(uri: string): string {
  return `media are kept in ${openMediaBucket(uri, '--media').uri('')}, a bucket of their own`;
}
