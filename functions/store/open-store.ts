import type { Readable } from 'node:stream';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { InternalError } from '../errors/usage.ts';
import type { MediaBucket } from './media-bucket.ts';
import type { ByteRange, ObjectFacts, ObjectStore, PendingUpload, Piece, Retention } from './object-store.ts';
import { compose } from './s3-compose.ts';
import { connect } from './s3-connection.ts';
import { S3Context } from './s3-context.ts';
import { copyFrom } from './s3-copy.ts';
import { abortUpload, list, listFolders, listUploads, remove } from './s3-list.ts';
import { get, head, read } from './s3-read.ts';
import { upload } from './s3-upload.ts';
import { put, putNew, retain } from './s3-write.ts';
import { parseStoreUri, type StoreUri } from './store-uri.ts';

export interface StoreOptions {
  /** Ends everything the store does, for good; a clean-up needs a store of its own. */
  readonly signal?: AbortSignal;
  /** In place of the SDK's own HTTP handler, as its client takes it. */
  readonly requestHandler?: NonNullable<S3ClientConfig['requestHandler']>;
  /** Told of the client before its first request, to watch what it sends. */
  readonly onClient?: ((client: S3Client) => void) | undefined;
}

/**
 * The object store at `s3://bucket/prefix`, on AWS or a server of the same protocol, as the standard AWS variables
 * and profiles say. Nothing is sent before the first call. Throws `BadStoreUri`.
 */
export function openStore(uri: string, options: StoreOptions = {}): ObjectStore {
  return new S3Store(contextOf(parseStoreUri(uri), options));
}

/** The media at `s3://bucket/prefix`, which the option or variable `from` names. Throws `BadStoreUri`. */
export function openMediaBucket(uri: string, from: string, options: StoreOptions = {}): MediaBucket {
  return new S3Store(contextOf(parseStoreUri(uri, from), options));
}

function contextOf(uri: StoreUri, options: StoreOptions): S3Context {
  return new S3Context(uri, options.signal, async () => {
    const connection = await connect(options.requestHandler);
    options.onClient?.(connection.client);
    return connection;
  });
}

class S3Store implements ObjectStore, MediaBucket {
  readonly #s3: S3Context;

  constructor(s3: S3Context) {
    this.#s3 = s3;
  }

  get bucket(): string {
    return this.#s3.bucket;
  }

  get prefix(): string {
    return this.#s3.prefix;
  }

  uri(key: string): string {
    return this.#s3.uri(key);
  }

  head(key: string): Promise<ObjectFacts | undefined> {
    return head(this.#s3, key, this.#s3.signalOf());
  }

  get(key: string): Promise<{ body: Buffer; facts: ObjectFacts } | undefined> {
    return get(this.#s3, key, this.#s3.signalOf());
  }

  read(key: string, range: ByteRange, pin: { etag: string }, signal?: AbortSignal): AsyncIterable<Buffer> {
    return read(this.#s3, key, range, pin, this.#s3.signalOf(signal));
  }

  put(key: string, body: Buffer | string, contentType?: string): Promise<ObjectFacts> {
    return put(this.#s3, key, Buffer.from(body), contentType);
  }

  putNew(key: string, body: Buffer | string, contentType?: string): Promise<ObjectFacts | undefined> {
    return putNew(this.#s3, key, Buffer.from(body), contentType);
  }

  upload(key: string, body: Readable, signal?: AbortSignal): Promise<ObjectFacts> {
    return upload(this.#s3, key, body, this.#s3.signalOf(signal));
  }

  async compose(
    key: string,
    pieces: readonly Piece[],
    contentType: string,
    signal?: AbortSignal,
  ): Promise<ObjectFacts> {
    const facts = await compose(this.#s3, key, pieces, contentType, { signal: this.#s3.signalOf(signal) });
    if (!facts) throw new InternalError(`${this.uri(key)} was not put together whole`);
    return facts;
  }

  composeSome(
    key: string,
    pieces: readonly Piece[],
    contentType: string,
    isNearlyOver: () => boolean,
    signal?: AbortSignal,
  ): Promise<ObjectFacts | undefined> {
    return compose(this.#s3, key, pieces, contentType, {
      isNearlyOver,
      signal: this.#s3.signalOf(signal),
    });
  }

  retain(key: string, retention: Retention): Promise<void> {
    return retain(this.#s3, key, retention);
  }

  list(under: string): AsyncIterable<ObjectFacts> {
    return list(this.#s3, under);
  }

  listFolders(under: string): Promise<string[]> {
    return listFolders(this.#s3, under);
  }

  remove(keys: readonly string[]): Promise<void> {
    return remove(this.#s3, keys);
  }

  copyFrom(source: MediaBucket, object: ObjectFacts, signal?: AbortSignal): Promise<boolean> {
    return copyFrom(this.#s3, source, object, this.#s3.signalOf(signal));
  }

  listUploads(under: string): Promise<PendingUpload[]> {
    return listUploads(this.#s3, under);
  }

  abortUpload(upload: PendingUpload): Promise<void> {
    return abortUpload(this.#s3, upload);
  }
}
