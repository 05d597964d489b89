import { randomUUID } from 'node:crypto';
import { S3Refusal, texts } from './answers.ts';
import { describedBy, newEtag } from './objects.ts';
import { crc32Of } from './request.ts';

const minimumBytes = 5 * 1024 * 1024;
const partsAtMost = 10_000;

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly body: Buffer;
  readonly crc32: string | undefined;
}

export interface MultipartUpload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  /** Content type and user metadata, as headers. */
  readonly described: Readonly<Record<string, string>>;
  /** Named when it was created. */
  readonly algorithm: string | undefined;
  readonly parts: Map<number, Part>;
}

/** Multipart uploads as "Uploading and copying objects using multipart upload" and "Checking object integrity" say. */
export class MultipartUploads {
  readonly #open = new Map<string, MultipartUpload>();

  create(bucket: string, key: string, headers: Readonly<Record<string, string>>): MultipartUpload {
    const upload: MultipartUpload = {
      id: randomUUID(),
      bucket,
      key,
      described: describedBy(headers),
      algorithm: headers['x-amz-checksum-algorithm']?.toUpperCase(),
      parts: new Map(),
    };
    this.#open.set(upload.id, upload);
    return upload;
  }

  /** @throws S3Refusal for one that has ended, or is of another key */
  find(bucket: string, key: string, id: string | null): MultipartUpload {
    const upload = this.#open.get(id ?? '');
    if (upload?.bucket !== bucket || upload.key !== key)
      throw new S3Refusal(404, 'NoSuchUpload', 'The specified upload does not exist.');
    return upload;
  }

  of(bucket: string, prefix: string): MultipartUpload[] {
    return [...this.#open.values()].filter((each) => each.bucket === bucket && each.key.startsWith(prefix));
  }

  end(upload: MultipartUpload): void {
    this.#open.delete(upload.id);
  }

  /**
   * @param crc32 that came along; undefined for a copy, whose checksum S3 makes itself
   */
  addPart(
    upload: MultipartUpload,
    number: number,
    body: Buffer,
    crc32: string | undefined,
    copied = false,
  ): Part {
    if (!Number.isInteger(number) || number < 1 || number > partsAtMost)
      throw new S3Refusal(400, 'InvalidArgument', 'Part number must be an integer between 1 and 10000');
    const brought = crc32 === undefined ? 'null' : 'crc32';
    const wanted = upload.algorithm?.toLowerCase() ?? 'null';
    if (!copied && brought !== wanted)
      throw new S3Refusal(
        400,
        'InvalidRequest',
        `Checksum Type mismatch occurred, expected checksum Type: ${wanted}, actual checksum Type: ${brought}`,
      );
    const checksum = upload.algorithm === 'CRC32' ? crc32Of(body) : undefined;
    const part = { number, etag: newEtag(), body, crc32: checksum };
    upload.parts.set(number, part);
    return part;
  }

  /** The parts that a Complete names, in order. @throws S3Refusal */
  named(upload: MultipartUpload, document: string): Part[] {
    const parts = [...document.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) =>
      this.#namedPart(upload, part),
    );
    if (parts.length === 0)
      throw new S3Refusal(400, 'MalformedXML', 'The XML you provided was not well-formed');
    const numbers = parts.map(({ number }) => number);
    if (numbers.some((number, index) => number <= (numbers[index - 1] ?? 0)))
      throw new S3Refusal(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    // CompletedPart: "the part numbers must be consecutive and begin with 1", else S3 answers 500
    if (upload.algorithm !== undefined && numbers.some((number, index) => number !== index + 1))
      throw new S3Refusal(
        500,
        'InternalError',
        'Part numbers must be consecutive where parts have checksums',
      );
    if (parts.slice(0, -1).some(({ body }) => body.length < minimumBytes))
      throw new S3Refusal(
        400,
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
      );
    return parts;
  }

  #namedPart(upload: MultipartUpload, text: string): Part {
    const one = (name: string) => texts(text, name)[0];
    const number = Number(one('PartNumber'));
    const part = upload.parts.get(number);
    if (!part || one('ETag')?.replaceAll('"', '') !== part.etag.replaceAll('"', ''))
      throw new S3Refusal(
        400,
        'InvalidPart',
        `One or more of the specified parts could not be found: ${number}`,
      );
    const checksum = one('ChecksumCRC32');
    if (upload.algorithm !== undefined && checksum === undefined)
      throw new S3Refusal(
        400,
        'InvalidRequest',
        `The upload was created using a crc32 checksum. The complete request must include the checksum for each part. It was missing for part ${number} in the request.`,
      );
    if (checksum !== part.crc32)
      throw new S3Refusal(400, 'InvalidPart', `The checksum named for part ${number} is not the part's.`);
    return part;
  }
}
