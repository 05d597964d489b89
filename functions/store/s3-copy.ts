import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { ObjectChanged, UploadIncomplete } from './errors.ts';
import { inParallel } from './in-parallel.ts';
import type { MediaBucket } from './media-bucket.ts';
import type { ObjectFacts } from './object-store.ts';
import { s3Limits } from './plan-parts.ts';
import type { S3Context } from './s3-context.ts';
import { isMissing, isPreconditionFailed } from './s3-failures.ts';
import { abortUpload } from './s3-list.ts';

const partsAtOnce = 16;

export interface CopyLimits {
  /** Most bytes of one CopyObject ("Copying, moving, and renaming objects", S3 user guide). */
  readonly atOnce: number;
  /** Bytes of a part, where there have to be some. */
  readonly part: number;
}

const limits: CopyLimits = { atOnce: s3Limits.maximum, part: s3Limits.copy };

/** `x-amz-copy-source` of an object. */
export function copySource(bucket: string, key: string): string {
  return `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`;
}

/** What `MediaBucket.copyFrom` does. */
export function copyFrom(
  s3: S3Context,
  source: Pick<MediaBucket, 'bucket' | 'prefix' | 'uri'>,
  object: ObjectFacts,
  signal?: AbortSignal,
  { atOnce, part }: CopyLimits = limits,
): Promise<boolean> {
  const from = { Bucket: source.bucket, Key: `${source.prefix}${object.key}` };
  return s3.doing(`copying ${source.uri(object.key)}: s3:PutObject`, object.key, signal, async () => {
    try {
      if (object.size <= atOnce) await copyWhole(s3, from, object.key, signal);
      else
        await copyInParts(s3, from, object, Math.max(part, Math.ceil(object.size / s3Limits.parts)), signal);
      return true;
    } catch (error) {
      if (isMissing(error)) return await refuseIfThere(s3, from, error);
      if (isPreconditionFailed(error))
        throw new ObjectChanged(
          `${source.uri(object.key)} was replaced while it was copied; repeat the run`,
          {
            cause: error,
          },
        );
      throw error;
    }
  });
}

/** Some servers do not find what they could read. @throws the error where the source has the object */
async function refuseIfThere(s3: S3Context, from: At, error: unknown): Promise<false> {
  const isThere = await s3
    .send((client, sending) => client.send(new HeadObjectCommand(from), sending))
    .then(
      () => true,
      (failure: unknown) => !isMissing(failure),
    );
  if (isThere) throw error;
  return false;
}

interface At {
  readonly Bucket: string;
  readonly Key: string;
}

/** Copying tags would take rights to read and to write them. */
async function copyWhole(
  s3: S3Context,
  from: At,
  key: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const command = new CopyObjectCommand({
    ...s3.at(key),
    CopySource: copySource(from.Bucket, from.Key),
    TaggingDirective: 'REPLACE',
  });
  await s3.send((client, sending) => client.send(command, sending), signal);
}

async function copyInParts(
  s3: S3Context,
  from: At,
  { key, size, etag }: ObjectFacts,
  partBytes: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { ContentType, ContentEncoding, ContentDisposition, ContentLanguage, CacheControl, Metadata } =
    await s3.send((client, sending) => client.send(new HeadObjectCommand(from), sending), signal);
  const described = {
    ContentType,
    ContentEncoding,
    ContentDisposition,
    ContentLanguage,
    CacheControl,
    Metadata,
  };
  const create = new CreateMultipartUploadCommand({ ...s3.at(key), ...described });
  const { UploadId: uploadId } = await s3.send((client, sending) => client.send(create, sending), signal);
  if (!uploadId) throw new UploadIncomplete(`the server began no multipart upload for ${s3.uri(key)}`);
  const ended = new AbortController();
  const either = signal ? AbortSignal.any([signal, ended.signal]) : ended.signal;
  const parts: { PartNumber: number; ETag: string }[] = [];
  const copyPart = async (PartNumber: number) => {
    const offset = (PartNumber - 1) * partBytes;
    const command = new UploadPartCopyCommand({
      ...s3.at(key),
      UploadId: uploadId,
      PartNumber,
      CopySource: copySource(from.Bucket, from.Key),
      CopySourceRange: `bytes=${offset}-${Math.min(size, offset + partBytes) - 1}`,
      CopySourceIfMatch: etag,
    });
    const { CopyPartResult } = await s3.send((client, sending) => client.send(command, sending), either);
    if (!CopyPartResult?.ETag)
      throw new UploadIncomplete(`the server copied no part of ${s3.uri(key)}: it knows no UploadPartCopy`);
    parts.push({ PartNumber, ETag: CopyPartResult.ETag });
  };
  try {
    const numbers = Array.from({ length: Math.ceil(size / partBytes) }, (_, index) => index + 1);
    await inParallel(numbers, partsAtOnce, copyPart);
    const complete = new CompleteMultipartUploadCommand({
      ...s3.at(key),
      UploadId: uploadId,
      MultipartUpload: { Parts: parts.sort((a, b) => a.PartNumber - b.PartNumber) },
    });
    await s3.send((client, sending) => client.send(complete, sending), signal);
  } catch (error) {
    ended.abort(error);
    // Without the signal: an abort must not leave the upload behind
    await abortUpload(s3, { key, uploadId }).catch(() => {});
    throw error;
  }
}
