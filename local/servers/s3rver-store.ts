import { createHash, randomUUID } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

type Metadata = Record<string, string | number | undefined>;
interface S3Object {
  readonly bucket: string;
  readonly key: string;
  readonly content: Buffer | Readable | null;
  readonly metadata: Metadata;
  range?: { readonly start: number; readonly end: number };
}
interface Written {
  readonly size: number;
  readonly md5: string;
}
/** What is used here of s3rver's own store, which has no types. */
interface FilesystemStore {
  readonly rootDirectory: string;
  getResourcePath(bucket: string, key: string | undefined, resource: string): string;
}

const require = createRequire(import.meta.url);
const Files = require('s3rver/lib/stores/filesystem') as new (directory: string) => FilesystemStore;
const StoredObject = require('s3rver/lib/models/object') as {
  new (bucket: string, key: string, content: Readable | null, metadata: Metadata): S3Object;
  readonly ALLOWED_METADATA: readonly string[];
};

/**
 * s3rver's files with S3's promise that whoever asks after a write is answered with the whole of it ("Amazon S3 data
 * consistency model"). Its own store answers before the last bytes are in the file, writes a wrong ETag for good when
 * somebody lists meanwhile, and dies when the last object of a folder is removed while another one is written there.
 *
 * Content is written aside; it comes into place, is looked at and goes in one turn of the event loop each.
 */
export class ConsistentStore extends Files {
  async putObject({ bucket, key, content, metadata }: S3Object): Promise<Written> {
    const path = this.getResourcePath(bucket, key, 'object');
    const aside = `${path}.${randomUUID()}`;
    await mkdir(dirname(path), { recursive: true });
    const written = await write(aside, content);
    const kept = Object.entries(metadata).filter(
      ([name]) => StoredObject.ALLOWED_METADATA.includes(name) || name.startsWith('x-amz-meta-'),
    );
    writeFileSync(`${path}.md5`, written.md5);
    writeFileSync(
      this.getResourcePath(bucket, key, 'metadata.json'),
      JSON.stringify(Object.fromEntries(kept)),
    );
    renameSync(aside, path);
    return written;
  }

  async putPart(bucket: string, uploadId: string, partNumber: number, content: Readable): Promise<Written> {
    const path = join(this.getResourcePath(bucket, undefined, 'uploads'), uploadId, String(partNumber));
    const aside = `${path}.${randomUUID()}`;
    const written = await write(aside, content);
    await writeFile(`${path}.md5`, written.md5);
    renameSync(aside, path);
    return written;
  }

  async copyObject(
    fromBucket: string,
    fromKey: string,
    bucket: string,
    key: string,
    metadata?: Metadata,
  ): Promise<Metadata> {
    const found = await this.getObject(fromBucket, fromKey);
    if (found === null) throw new Error(`${fromKey} went while it was copied`);
    await this.putObject({ bucket, key, content: found.content, metadata: metadata ?? found.metadata });
    return this.getMetadata(bucket, key);
  }

  /** Throws ENOENT where there is no such object. */
  async getMetadata(bucket: string, key: string): Promise<Metadata> {
    return this.#look(bucket, key).metadata;
  }

  async getObject(
    bucket: string,
    key: string,
    options: { readonly start?: number; readonly end?: number } = {},
  ): Promise<S3Object | null> {
    try {
      const { path, metadata, size } = this.#look(bucket, key);
      const last = Math.max(0, size - 1);
      const range = { start: options.start ?? 0, end: Math.min(options.end ?? last, last) };
      const satisfiable = range.start >= 0 && range.start <= range.end;
      const content = satisfiable ? createReadStream(path, { fd: openSync(path, 'r'), ...range }) : null;
      const object = new StoredObject(bucket, key, content, metadata);
      if (options.start !== undefined || options.end !== undefined) object.range = range;
      return object;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Folders stay: another object may be on its way into them. */
  async deleteObject(bucket: string, key: string): Promise<void> {
    for (const resource of ['object', 'object.md5', 'metadata.json'])
      rmSync(this.getResourcePath(bucket, key, resource), { force: true });
  }

  #look(bucket: string, key: string): { path: string; size: number; metadata: Metadata } {
    const path = this.getResourcePath(bucket, key, 'object');
    const { mtime, size } = statSync(path);
    const kept = readFileSync(this.getResourcePath(bucket, key, 'metadata.json'), 'utf8');
    const metadata = {
      ...(JSON.parse(kept) as Metadata),
      etag: JSON.stringify(readFileSync(`${path}.md5`, 'utf8')),
      'last-modified': mtime.toUTCString(),
      'content-length': size,
    };
    return { path, size, metadata };
  }
}

/** Nothing stays of what could not be written to its end. */
async function write(path: string, content: Buffer | Readable | null): Promise<Written> {
  const md5 = createHash('md5');
  let size = 0;
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      md5.update(chunk);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const source = content instanceof Readable ? content : Readable.from(content?.length ? [content] : []);
  try {
    await pipeline(source, measure, createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { size, md5: md5.digest('hex') };
}
