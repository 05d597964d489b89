import { type CompletedPart, ListPartsCommand } from '@aws-sdk/client-s3';
import type { Part } from './plan-parts.ts';
import type { S3Context } from './s3-context.ts';
import { failureOf } from './s3-failures.ts';

/** A part that a multipart upload has already. */
export interface TransferredPart extends CompletedPart {
  readonly PartNumber: number;
  readonly Size: number;
}

/** What has been uploaded to a multipart upload so far; undefined when it has ended. */
export async function listParts(
  s3: S3Context,
  key: string,
  uploadId: string,
  signal?: AbortSignal,
): Promise<TransferredPart[] | undefined> {
  const parts: TransferredPart[] = [];
  let marker: string | undefined;
  do {
    const command = new ListPartsCommand({
      ...s3.at(key),
      UploadId: uploadId,
      ...(marker !== undefined && { PartNumberMarker: marker }),
    });
    try {
      const answer = await s3.send((client, sending) => client.send(command, sending), signal);
      for (const { PartNumber, Size, ETag, ChecksumCRC32 } of answer.Parts ?? [])
        if (PartNumber !== undefined && Size !== undefined && ETag !== undefined)
          parts.push({ PartNumber, Size, ETag, ...(ChecksumCRC32 !== undefined && { ChecksumCRC32 }) });
      const next = answer.IsTruncated ? answer.NextPartNumberMarker : undefined;
      marker = next === marker ? undefined : next;
    } catch (error) {
      if (failureOf(error).code === 'NoSuchUpload') return undefined;
      throw error;
    }
  } while (marker !== undefined);
  return parts;
}

/** Those of the transferred parts that are parts of the plan; undefined when one of them is another than planned. */
export function matchParts(
  planned: readonly Part[],
  transferred: readonly TransferredPart[],
): CompletedPart[] | undefined {
  const lengths = new Map(planned.map(({ number, length }) => [number, length]));
  if (transferred.some(({ PartNumber, Size }) => lengths.get(PartNumber) !== Size)) return undefined;
  return transferred.map(({ Size: _, ...part }) => part);
}
