import { HeadBucketCommand, type S3Client } from '@aws-sdk/client-s3';
import { BucketMissing } from './errors.ts';
import type { S3Connection } from './s3-connection.ts';
import { explain, failureOf } from './s3-failures.ts';
import type { StoreUri } from './store-uri.ts';

export interface Sending {
  readonly abortSignal?: AbortSignal;
}

/** What every operation of the store shares: the connection, names, and how errors become ours. */
export class S3Context {
  readonly bucket: string;
  readonly prefix: string;
  readonly #connect: () => Promise<S3Connection>;
  readonly #signal: AbortSignal | undefined;
  #connection: Promise<S3Connection> | undefined;
  #bucketSeen = false;
  /** Cleared when the server turns out not to know `If-None-Match` or UploadPartCopy. */
  knowsConditions = true;
  knowsCopies = true;

  constructor(uri: StoreUri, signal: AbortSignal | undefined, connect: () => Promise<S3Connection>) {
    this.bucket = uri.bucket;
    this.prefix = uri.prefix;
    this.#signal = signal;
    this.#connect = connect;
  }

  connection(): Promise<S3Connection> {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  /** The key in the bucket of a key of the store. */
  at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.bucket, Key: `${this.prefix}${key}` };
  }

  uri(key: string): string {
    return `s3://${this.bucket}/${this.prefix}${key}`;
  }

  /** The signals that end an operation, as one. */
  signalOf(signal?: AbortSignal): AbortSignal | undefined {
    if (signal && this.#signal) return AbortSignal.any([signal, this.#signal]);
    return signal ?? this.#signal;
  }

  /** Sends one command; the error is the SDK's, for the caller to look at, or the reason of an abort. */
  async send<T>(
    command: (client: S3Client, sending: Sending) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { client } = await this.connection();
    try {
      const answer = await command(client, signal ? { abortSignal: signal } : {});
      this.#bucketSeen = true;
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  }

  /** Runs an operation; what it throws says what to do, and aborts reject with their reason. */
  async doing<T>(
    action: string,
    key: string,
    signal: AbortSignal | undefined,
    run: () => Promise<T>,
  ): Promise<T> {
    try {
      signal?.throwIfAborted();
      return await run();
    } catch (error) {
      throw await this.explained(error, action, key, signal);
    }
  }

  async explained(error: unknown, action: string, key: string, signal?: AbortSignal): Promise<unknown> {
    if (signal?.aborted) return signal.reason;
    const server = await this.connection().then(
      ({ server }) => server,
      () => 'S3',
    );
    return explain(error, { bucket: this.bucket, doing: `${action} on ${this.uri(key)}`, server });
  }

  /** HEAD has no body: whether it is the bucket that is missing takes a second question. */
  async checkBucket(): Promise<void> {
    if (this.#bucketSeen) return;
    try {
      await this.send((client, sending) =>
        client.send(new HeadBucketCommand({ Bucket: this.bucket }), sending),
      );
    } catch (error) {
      const { status, code } = failureOf(error);
      if (status === 404 || code === 'NoSuchBucket') {
        const { server } = await this.connection();
        throw new BucketMissing(
          `there is no bucket ${this.bucket} at ${server}: create it, or correct --store, AWS_ENDPOINT_URL_S3 or AWS_PROFILE`,
          { cause: error },
        );
      }
      // Not allowed to ask: the question was only for a better message.
    }
  }
}
