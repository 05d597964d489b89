import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { ObjectFacts } from './object-store.ts';
import type { S3Context } from './s3-context.ts';
import { failureOf, isUncertain } from './s3-failures.ts';
import { headOfSize } from './s3-read.ts';
import { written } from './s3-write.ts';

/** 10,000 parts of it are 78 GiB. lib-storage holds up to four of them: two on their way, one that grows, one to copy it. */
const partBytes = 8 * 1024 * 1024;
const partsAtOnce = 2;

/** Streams a body of unknown size; after an error or an abort no multipart upload is left. */
export async function upload(
  s3: S3Context,
  key: string,
  body: Readable,
  signal: AbortSignal | undefined,
): Promise<ObjectFacts> {
  body.on('error', () => {});
  // Ending the body, and not lib-storage's own abort, which answers before the multipart upload is removed.
  const abort = () => body.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await s3.doing('s3:PutObject', key, signal, async () => {
      const { client, checksums } = await s3.connection();
      let size = 0;
      const counted = async function* () {
        for await (const chunk of body) {
          size += chunk.length;
          yield chunk;
        }
      };
      const guarded = guard(client, { s3, key, body, size: () => size, signal });
      const answer = await new Upload({
        client: guarded,
        params: {
          ...s3.at(key),
          Body: Readable.from(counted(), { highWaterMark: 1 }),
          ...(checksums && { ChecksumAlgorithm: 'CRC32' }),
        },
        partSize: partBytes,
        queueSize: partsAtOnce,
      }).done();
      return written(s3, key, size, answer);
    });
  } catch (error) {
    body.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

interface Guarded {
  readonly s3: S3Context;
  readonly key: string;
  readonly body: Readable;
  readonly size: () => number;
  readonly signal: AbortSignal | undefined;
}

type AnyCommand = Parameters<S3Client['send']>[0];

/** The client as lib-storage sees it: aborts reach its requests, and a lost answer to Complete isn't a failure. */
function guard(client: S3Client, upload: Guarded): S3Client {
  const send = async (command: AnyCommand): Promise<unknown> => {
    // Whether an upload was begun must be known, or it could not be removed.
    if (command instanceof CreateMultipartUploadCommand) return client.send(command);
    if (command instanceof AbortMultipartUploadCommand) {
      // The error that led here is the one to tell; CleanUp finds what could not be removed.
      return client.send(command).catch(() => ({}));
    }
    if (command instanceof CompleteMultipartUploadCommand) return complete(client, command, upload);
    try {
      return await client.send(command, upload.signal ? { abortSignal: upload.signal } : {});
    } catch (error) {
      upload.body.destroy(error instanceof Error ? error : undefined);
      throw error;
    }
  };
  return { config: client.config, send } as unknown as S3Client;
}

async function complete(
  client: S3Client,
  command: CompleteMultipartUploadCommand,
  upload: Guarded,
): Promise<unknown> {
  try {
    return await client.send(command);
  } catch (error) {
    if (failureOf(error).code !== 'NoSuchUpload' && !isUncertain(error)) throw error;
    const { facts, whole } = await headOfSize(upload.s3, upload.key, upload.size());
    if (!facts || !whole) throw error;
    return { ETag: facts.etag, VersionId: facts.versionId };
  }
}
