import type { S3Client } from '@aws-sdk/client-s3';
import { type Answer, element, S3Refusal, texts, xml } from './answers.ts';
import { MultipartUploads, type Part } from './multipart.ts';
import { checkConditions, describedBy, type ObjectState, Objects } from './objects.ts';
import { copySource, type Operation } from './questions.ts';
import type { S3Request } from './request.ts';

export interface OperationsOptions {
  /** Asked where an answer depends on another right than the operation's own. */
  may(request: S3Request, action: string, resource: string): boolean;
  readonly pageSize?: number;
}

const minimumCopied = 5 * 1024 * 1024;

/** What each operation does, once it is allowed. */
export class Operations {
  readonly #objects: Objects;
  readonly #uploads = new MultipartUploads();
  readonly #options: OperationsOptions;
  /** Writers of a key, one after another: a condition and its write are one thing. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(client: S3Client, options: OperationsOptions) {
    this.#objects = new Objects(client, options.pageSize);
    this.#options = options;
  }

  async run(operation: Operation, request: S3Request): Promise<Answer> {
    if (operation !== 'CreateBucket') await this.#objects.checkBucket(request.bucket);
    return this.#work[operation](request);
  }

  readonly #work: Readonly<Record<Operation, (request: S3Request) => Promise<Answer>>> = {
    PutObject: (request) =>
      this.#exclusively(request, async () => {
        const { bucket, key, body, headers, crc32 } = request;
        await this.#checkNew(request);
        const described = describedBy(headers);
        return written(await this.#objects.write(bucket, key, body, { described, crc32 }));
      }),

    CopyObject: (request) =>
      this.#exclusively(request, async () => {
        const source = copySource(request);
        const { described } = await this.#there(request, source.bucket, source.key, source.versionId);
        const body = await this.#copied(request);
        const state = await this.#objects.write(request.bucket, request.key, body, { described });
        const modified = element('LastModified', state.modified.toISOString());
        return xml('CopyObjectResult', element('ETag', state.etag) + modified);
      }),

    GetObject: (request) => this.#read(request, true),
    HeadObject: (request) => this.#read(request, false),

    DeleteObject: (request) =>
      this.#exclusively(request, async () => {
        await this.#objects.remove(request.bucket, request.key);
        return { status: 204 };
      }),

    DeleteObjects: async (request) => {
      const { bucket, headers, body, crc32 } = request;
      if (headers['content-md5'] === undefined && crc32 === undefined)
        throw new S3Refusal(400, 'InvalidRequest', 'Missing required header for this request: Content-MD5');
      const keys = texts(body.toString(), 'Key');
      if (keys.length > 1000) throw new S3Refusal(400, 'MalformedXML', 'more than 1000 keys');
      const answers: string[] = [];
      for (const key of keys) {
        if (this.#options.may(request, 's3:DeleteObject', `arn:aws:s3:::${bucket}/${key}`)) {
          await this.#objects.remove(bucket, key);
          answers.push(`<Deleted>${element('Key', key)}</Deleted>`);
        } else
          answers.push(`<Error>${element('Key', key)}${element('Code', 'AccessDenied')}<Message/></Error>`);
      }
      return xml('DeleteResult', answers.join(''));
    },

    CreateMultipartUpload: async ({ bucket, key, headers }) => {
      const { id, algorithm } = this.#uploads.create(bucket, key, headers);
      const answer = xml(
        'InitiateMultipartUploadResult',
        element('Bucket', bucket) + element('Key', key) + element('UploadId', id),
      );
      return { ...answer, headers: { ...answer.headers, 'x-amz-checksum-algorithm': algorithm } };
    },

    UploadPart: async ({ bucket, key, query, body, crc32 }) => {
      const upload = this.#uploads.find(bucket, key, query.get('uploadId'));
      const part = this.#uploads.addPart(upload, Number(query.get('partNumber')), body, crc32);
      return { status: 200, headers: { etag: part.etag, 'x-amz-checksum-crc32': part.crc32 } };
    },

    UploadPartCopy: async (request) => {
      const { bucket, key, query } = request;
      const upload = this.#uploads.find(bucket, key, query.get('uploadId'));
      const body = await this.#copied(request);
      const part = this.#uploads.addPart(upload, Number(query.get('partNumber')), body, undefined, true);
      return xml(
        'CopyPartResult',
        element('ETag', part.etag) +
          element('LastModified', new Date().toISOString()) +
          element('ChecksumCRC32', part.crc32),
      );
    },

    CompleteMultipartUpload: (request) =>
      this.#exclusively(request, async () => {
        const { bucket, key, query, body } = request;
        const upload = this.#uploads.find(bucket, key, query.get('uploadId'));
        const parts = this.#uploads.named(upload, body.toString());
        await this.#checkNew(request);
        const { described } = upload;
        const state = await this.#objects.write(bucket, key, Buffer.concat(parts.map((part) => part.body)), {
          parts: parts.length,
          described,
        });
        this.#uploads.end(upload);
        const answer = xml(
          'CompleteMultipartUploadResult',
          element('Bucket', bucket) + element('Key', key) + element('ETag', state.etag),
        );
        return { ...answer, headers: { ...answer.headers, 'x-amz-version-id': state.versionId } };
      }),

    AbortMultipartUpload: async ({ bucket, key, query }) => {
      this.#uploads.end(this.#uploads.find(bucket, key, query.get('uploadId')));
      return { status: 204 };
    },

    ListParts: async ({ bucket, key, query }) => {
      const upload = this.#uploads.find(bucket, key, query.get('uploadId'));
      const parts = [...upload.parts.values()].sort((a, b) => a.number - b.number).map(listedPart);
      return xml('ListPartsResult', element('IsTruncated', 'false') + parts.join(''));
    },

    ListMultipartUploads: async ({ bucket, query }) => {
      const uploads = this.#uploads
        .of(bucket, query.get('prefix') ?? '')
        .map(
          ({ key, id }) =>
            `<Upload>${element('Key', key)}${element('UploadId', id)}${element('Initiated', new Date().toISOString())}</Upload>`,
        );
      return xml('ListMultipartUploadsResult', element('IsTruncated', 'false') + uploads.join(''));
    },

    ListObjectsV2: ({ bucket, query }) => this.#objects.list(bucket, query),

    HeadBucket: async () => ({ status: 200 }),
    CreateBucket: async ({ bucket }) => {
      await this.#objects.createBucket(bucket);
      return { status: 200 };
    },
  };

  /** `If-None-Match: *` of a write; S3 knows no other value there. */
  async #checkNew({ bucket, key, headers }: S3Request): Promise<void> {
    const condition = headers['if-none-match'];
    if (condition === undefined) return;
    if (condition !== '*')
      throw new S3Refusal(
        501,
        'NotImplemented',
        'A header you provided implies functionality that is not there',
      );
    if (await this.#objects.state(bucket, key))
      throw new S3Refusal(
        412,
        'PreconditionFailed',
        'At least one of the pre-conditions you specified did not hold',
      );
  }

  async #read(request: S3Request, withBody: boolean): Promise<Answer> {
    const { bucket, key, headers, query } = request;
    const state = await this.#there(request, bucket, key, query.get('versionId') ?? undefined);
    checkConditions(state, { match: headers['if-match'], noneMatch: headers['if-none-match'] });
    const facts = {
      ...state.described,
      etag: state.etag,
      'last-modified': state.modified.toUTCString(),
      'x-amz-version-id': state.versionId,
      'accept-ranges': 'bytes',
    };
    if (!withBody) return { status: 200, headers: { ...facts, 'content-length': String(state.size) } };
    const { body, range } = await this.#objects.read(bucket, key, headers.range);
    return { status: range ? 206 : 200, headers: { ...facts, 'content-range': range }, body };
  }

  /** Who may not list a bucket isn't told what isn't there ("GetObject", API reference, "Permissions"). */
  async #there(request: S3Request, bucket: string, key: string, versionId?: string): Promise<ObjectState> {
    const state = await this.#objects.state(bucket, key);
    if (state && (versionId === undefined || versionId === state.versionId)) return state;
    if (!this.#options.may(request, 's3:ListBucket', `arn:aws:s3:::${bucket}`))
      throw new S3Refusal(403, 'AccessDenied', 'Access Denied');
    throw state
      ? new S3Refusal(404, 'NoSuchVersion', 'The specified version does not exist.')
      : new S3Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  }

  async #copied(request: S3Request): Promise<Buffer> {
    const { headers } = request;
    const source = copySource(request);
    const state = await this.#there(request, source.bucket, source.key, source.versionId);
    checkConditions(state, { match: headers['x-amz-copy-source-if-match'] });
    const range = headers['x-amz-copy-source-range'];
    if (range === undefined) return (await this.#objects.read(source.bucket, source.key)).body;
    if (state.size <= minimumCopied)
      throw new S3Refusal(
        400,
        'InvalidRequest',
        'The specified copy source is not supported as a byte-range copy source',
      );
    const end = Number(/^bytes=\d+-(\d+)$/.exec(range)?.[1]);
    if (!(end < state.size))
      throw new S3Refusal(400, 'InvalidArgument', `Range specified is not valid: ${range}`);
    return (await this.#objects.read(source.bucket, source.key, range)).body;
  }

  #exclusively<T>({ bucket, key }: S3Request, work: () => Promise<T>): Promise<T> {
    const place = `${bucket}/${key}`;
    const turn = (this.#turns.get(place) ?? Promise.resolve()).then(work, work);
    this.#turns.set(
      place,
      turn.catch(() => {}),
    );
    return turn;
  }
}

function written({ etag, versionId, crc32 }: ObjectState): Answer {
  return { status: 200, headers: { etag, 'x-amz-version-id': versionId, 'x-amz-checksum-crc32': crc32 } };
}

function listedPart({ number, etag, body, crc32 }: Part): string {
  return `<Part>${element('PartNumber', number)}${element('ETag', etag)}${element('Size', body.length)}${element('ChecksumCRC32', crc32)}${element('LastModified', new Date().toISOString())}</Part>`;
}
