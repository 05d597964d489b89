import type { ObjectFacts, ObjectStore } from './object-store.ts';

/** A prefix of a bucket in which a Nautobot with a remote storage backend keeps its media. Keys are relative to it. */
export interface MediaBucket
  extends Pick<ObjectStore, 'bucket' | 'prefix' | 'uri' | 'head' | 'list' | 'remove'> {
  /**
   * Copies an object from another bucket to the same key, in the server, with its content type and user metadata and
   * without its tags. What is there is replaced at once and whole.
   * @param object as it was listed
   * @returns false when the source has no such object any more
   * @throws ObjectChanged when one of more than 5 GiB is replaced meanwhile
   */
  copyFrom(source: MediaBucket, object: ObjectFacts, signal?: AbortSignal): Promise<boolean>;
}

/** Whose media are copied where. */
export interface MediaBuckets {
  readonly from: MediaBucket;
  readonly to: MediaBucket;
  /** Remove from the target what the source has not. */
  readonly removesOthers: boolean;
}
