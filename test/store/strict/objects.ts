import { randomBytes, randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { type Answer, element, S3Refusal, xml } from './answers.ts';

export interface ObjectState {
  readonly etag: string;
  readonly versionId: string;
  readonly size: number;
  readonly modified: Date;
  readonly crc32: string | undefined;
  /** Content type and user metadata, as headers. */
  readonly described: Readonly<Record<string, string>>;
}

interface Written {
  readonly crc32?: string | undefined;
  readonly described?: Readonly<Record<string, string>>;
}

/** What an object keeps of the headers of the request that made it. */
export function describedBy(headers: Readonly<Record<string, string>>): Record<string, string> {
  const kept = Object.entries(headers).filter(
    ([name]) => name === 'content-type' || name.startsWith('x-amz-meta-'),
  );
  return Object.fromEntries(kept);
}

/** As with SSE-KMS: it says nothing about the bytes, and differs at every upload ("Object", Amazon S3 API reference). */
export const newEtag = (parts = 0) => `"${randomBytes(16).toString('hex')}${parts > 0 ? `-${parts}` : ''}"`;

/** The objects of the server behind, with ETags and versions of its own. Of a key's versions the last one is kept. */
export class Objects {
  readonly #client: S3Client;
  readonly #known = new Map<string, ObjectState>();
  readonly #buckets = new Set<string>();
  readonly #pageSize: number;

  constructor(client: S3Client, pageSize = 1000) {
    this.#client = client;
    this.#pageSize = Math.min(pageSize, 1000);
  }

  async createBucket(bucket: string): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: bucket }));
  }

  async checkBucket(bucket: string): Promise<void> {
    if (this.#buckets.has(bucket)) return;
    await this.#client.send(new HeadBucketCommand({ Bucket: bucket })).catch(() => {
      throw new S3Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist');
    });
    this.#buckets.add(bucket);
  }

  async state(bucket: string, key: string): Promise<ObjectState | undefined> {
    const known = this.#known.get(`${bucket}/${key}`);
    if (known) return known;
    const at = { Bucket: bucket, Key: key };
    const found = await this.#client.send(new HeadObjectCommand(at)).catch(() => undefined);
    if (!found) return undefined;
    return this.#note(bucket, key, newEtag(), found.ContentLength ?? 0, {});
  }

  async write(
    bucket: string,
    key: string,
    body: Buffer,
    more: Written & { readonly parts?: number },
  ): Promise<ObjectState> {
    await this.#client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
    return this.#note(bucket, key, newEtag(more.parts), body.length, more);
  }

  #note(bucket: string, key: string, etag: string, size: number, written: Written): ObjectState {
    const { crc32, described = {} } = written;
    const versionId = randomUUID().replaceAll('-', '');
    const state = { etag, versionId, size, modified: new Date(), crc32, described };
    this.#known.set(`${bucket}/${key}`, state);
    return state;
  }

  /** @param range a Range header's value */
  async read(bucket: string, key: string, range?: string): Promise<{ body: Buffer; range?: string }> {
    const get = { Bucket: bucket, Key: key, ...(range && { Range: range }) };
    const { Body, ContentRange } = await this.#client.send(new GetObjectCommand(get));
    const body = Buffer.from((await Body?.transformToByteArray()) ?? []);
    return { body, ...(ContentRange && { range: ContentRange }) };
  }

  async remove(bucket: string, key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    this.#known.delete(`${bucket}/${key}`);
  }

  /** A page is 1,000 keys at most, whatever is asked for; keys come in the order of their bytes. */
  async list(bucket: string, query: URLSearchParams): Promise<Answer> {
    const text = (name: string) => query.get(name) || undefined;
    const [prefix = '', delimiter] = [text('prefix'), text('delimiter')];
    const after = text('continuation-token') ?? text('start-after') ?? '';
    const entries = [
      ...new Set((await this.#keys(bucket, prefix)).map((key) => entryOf(key, prefix, delimiter))),
    ]
      .filter((entry) => entry > after)
      .sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
    const page = entries.slice(0, Math.min(Number(text('max-keys') ?? 1000), this.#pageSize));
    const isMore = page.length < entries.length;
    const listed = await Promise.all(
      page.map(async (entry) => {
        if (delimiter && entry.endsWith(delimiter))
          return `<CommonPrefixes>${element('Prefix', entry)}</CommonPrefixes>`;
        const state = await this.state(bucket, entry);
        if (!state) return '';
        return `<Contents>${element('Key', entry)}${element('LastModified', state.modified.toISOString())}${element('ETag', state.etag)}${element('Size', state.size)}${element('StorageClass', 'STANDARD')}</Contents>`;
      }),
    );
    return xml(
      'ListBucketResult',
      element('Name', bucket) +
        element('Prefix', prefix) +
        element('KeyCount', page.length) +
        element('IsTruncated', String(isMore)) +
        element('NextContinuationToken', isMore ? page.at(-1) : undefined) +
        listed.join(''),
    );
  }

  /** By the elder operation, whose pages every server can turn. */
  async #keys(bucket: string, prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for (let marker: string | undefined, isMore = true; isMore; ) {
      const page = await this.#client.send(
        new ListObjectsCommand({ Bucket: bucket, Prefix: prefix, ...(marker && { Marker: marker }) }),
      );
      keys.push(...(page.Contents ?? []).map(({ Key = '' }) => Key));
      isMore = page.IsTruncated === true;
      marker = keys.at(-1);
    }
    return keys;
  }
}

/** A key, or the folder that a listing with a delimiter shows in its place. */
function entryOf(key: string, prefix: string, delimiter: string | undefined): string {
  const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
  return end < 0 ? key : key.slice(0, end + 1);
}

/** If-Match and If-None-Match of a read or of a copy's source. */
export function checkConditions(
  state: ObjectState,
  conditions: { readonly match?: string | undefined; readonly noneMatch?: string | undefined },
): void {
  const { match, noneMatch } = conditions;
  if (match !== undefined && match !== '*' && bare(match) !== bare(state.etag))
    throw new S3Refusal(
      412,
      'PreconditionFailed',
      'At least one of the pre-conditions you specified did not hold',
    );
  if (noneMatch !== undefined && (noneMatch === '*' || bare(noneMatch) === bare(state.etag)))
    throw new S3Refusal(304, 'NotModified', 'Not Modified');
}

const bare = (etag: string) => etag.replace(/^"|"$/g, '');
