import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  paginateListObjectsV2,
  S3Client,
} from '@aws-sdk/client-s3';
import { type S3Server, startS3 } from '../../local/servers/s3.ts';
import { startStrictS3 } from '../../local/servers/strict-s3.ts';

export type S3Kind = 'versitygw' | 'moto_server' | 's3rver';

export const bucket = 'bench';

/** The store that all commands write to. */
export interface BenchStore {
  readonly kind: S3Kind;
  readonly server: S3Server;
  /** Bytes of all objects below a folder. */
  bytesBelow(folder: string): Promise<number>;
  /** Names, without the folder's, in alphabetical order. */
  foldersBelow(folder: string): Promise<readonly string[]>;
  clear(folder: string): Promise<void>;
}

/** Starts the best S3 server that the machine has. */
export async function startBenchStore(): Promise<BenchStore> {
  for (const kind of ['versitygw', 'moto_server'] as const) {
    const server = await startStrictS3(kind);
    if (server === undefined) continue;
    const store = new Store(kind, server);
    await store.createBucket();
    return store;
  }
  return new Store('s3rver', await startS3({ buckets: [bucket] }));
}

class Store implements BenchStore {
  readonly kind: S3Kind;
  readonly server: S3Server;
  readonly #client: S3Client;

  constructor(kind: S3Kind, server: S3Server) {
    this.kind = kind;
    this.server = server;
    this.#client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      credentials: server,
      forcePathStyle: true,
    });
  }

  async createBucket(): Promise<void> {
    await this.#client.send(new CreateBucketCommand({ Bucket: bucket }));
  }

  async bytesBelow(folder: string): Promise<number> {
    let bytes = 0;
    for (const { size } of await this.#objects(folder)) bytes += size;
    return bytes;
  }

  async foldersBelow(folder: string): Promise<string[]> {
    const names = (await this.#objects(folder)).map(
      ({ key }) => key.slice(folder.length + 1).split('/')[0] ?? '',
    );
    return [...new Set(names)].sort();
  }

  async clear(folder: string): Promise<void> {
    const objects = await this.#objects(folder);
    for (let from = 0; from < objects.length; from += 1000) {
      const keys = objects.slice(from, from + 1000).map(({ key }) => ({ Key: key }));
      await this.#client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects: keys } }));
    }
  }

  async #objects(folder: string): Promise<{ key: string; size: number }[]> {
    const objects: { key: string; size: number }[] = [];
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: bucket, Prefix: `${folder}/` });
    for await (const page of pages) {
      for (const { Key: key, Size: size } of page.Contents ?? [])
        if (key !== undefined) objects.push({ key, size: size ?? 0 });
    }
    return objects;
  }
}
