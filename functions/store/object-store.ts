import type { Readable } from 'node:stream';

/** What HEAD says of an object. `etag` includes its quotes, as S3 sends it. */
export interface ObjectFacts {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly versionId?: string;
  readonly lastModified?: Date;
}

/** A stretch of one object, in bytes. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A stretch of a working object that becomes part of a sealed file. `etag` pins what is copied. */
export interface Piece extends ByteRange {
  readonly key: string;
  readonly etag: string;
}

export interface PendingUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** How long an object can't be deleted (Object Lock). COMPLIANCE: by nobody. */
export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly until: Date;
}

/**
 * The smallest interface that this project needs of an object store. Keys are relative to the store's prefix.
 *
 * Contract: every method may be called again after a failure, and repeats what S3 calls transient by itself.
 * `BucketMissing`, `StoreAccessDenied` and `StoreUnreachable` are final. An aborted `signal` rejects with its reason
 * and leaves no multipart upload behind. Reads are pinned: with `etag`, an object that has changed is `ObjectChanged`.
 * A body that ends early is an error (`ShortRead`), never a shorter result.
 */
export interface ObjectStore {
  readonly bucket: string;
  /** Ends with `/`, or is empty. */
  readonly prefix: string;
  /** `s3://bucket/prefix/key`, for messages. */
  uri(key: string): string;
  /** undefined when there is no such object. */
  head(key: string): Promise<ObjectFacts | undefined>;
  /** The whole of a small object, undefined when there is none. */
  get(key: string): Promise<{ body: Buffer; facts: ObjectFacts } | undefined>;
  /** A stretch of an object as a stream of buffers; exactly `range.length` bytes or an error. */
  read(key: string, range: ByteRange, pin: { etag: string }, signal?: AbortSignal): AsyncIterable<Buffer>;
  /** Writes a small object, whatever is there. */
  put(key: string, body: Buffer | string, contentType?: string): Promise<ObjectFacts>;
  /**
   * Writes a small object unless one is there (`If-None-Match: *`), in which case it returns undefined.
   * A lost answer to a write that did happen counts as written.
   */
  putNew(key: string, body: Buffer | string, contentType?: string): Promise<ObjectFacts | undefined>;
  /** Streams an object of unknown size (lib-storage, multipart); aborted uploads are removed. */
  upload(key: string, body: Readable, signal?: AbortSignal): Promise<ObjectFacts>;
  /**
   * Puts pieces of other objects together as a new object: server-side copies where the server can, reads and
   * uploads otherwise. Never overwrites: an object of the same size that is there already is taken as done.
   */
  compose(
    key: string,
    pieces: readonly Piece[],
    contentType: string,
    signal?: AbortSignal,
  ): Promise<ObjectFacts>;
  /**
   * The same for what may take longer than there is time.
   * @param isNearlyOver asked again and again; once it is true, what is left is left to the next call, which goes on
   * @returns undefined when something is left
   */
  composeSome(
    key: string,
    pieces: readonly Piece[],
    contentType: string,
    isNearlyOver: () => boolean,
    signal?: AbortSignal,
  ): Promise<ObjectFacts | undefined>;
  /** Locks an object that is there, in a bucket with Object Lock; the same or a longer time may be set again. */
  retain(key: string, retention: Retention): Promise<void>;
  /** All objects whose key begins with `under`, in key order. */
  list(under: string): AsyncIterable<ObjectFacts>;
  /** The distinct next path segments below `under` (which ends with `/`), without the slash. */
  listFolders(under: string): Promise<string[]>;
  /** Deletes objects; those that are gone already are not an error. */
  remove(keys: readonly string[]): Promise<void>;
  /** Multipart uploads that were begun below `under` and never completed. */
  listUploads(under: string): Promise<PendingUpload[]>;
  abortUpload(upload: PendingUpload): Promise<void>;
}
