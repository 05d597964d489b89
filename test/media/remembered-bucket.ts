import type { MediaBucket } from '../../functions/store/media-bucket.ts';
import type { ObjectFacts } from '../../functions/store/object-store.ts';

/** A bucket in memory, whose clock goes on by a second with each write. */
export class Remembered implements MediaBucket {
  static now = 0;
  readonly bucket: string;
  readonly prefix = 'media/';
  readonly objects = new Map<string, { body: string; changed: number }>();

  constructor(bucket: string, objects: Readonly<Record<string, string>> = {}) {
    this.bucket = bucket;
    for (const [key, body] of Object.entries(objects)) this.write(key, body);
  }

  write(key: string, body: string): void {
    this.objects.set(key, { body, changed: ++Remembered.now });
  }

  get content(): Record<string, string> {
    return Object.fromEntries([...this.objects].map(([key, { body }]) => [key, body]));
  }

  uri(key: string): string {
    return `s3://${this.bucket}/${this.prefix}${key}`;
  }

  async head(key: string): Promise<ObjectFacts | undefined> {
    const found = this.objects.get(key);
    if (!found) return undefined;
    const lastModified = new Date(found.changed * 1000);
    // As with KMS: no two writes have the same ETag
    return { key, size: found.body.length, etag: `"${this.bucket}-${found.changed}"`, lastModified };
  }

  async *list(): AsyncGenerator<ObjectFacts> {
    for (const key of [...this.objects.keys()]) {
      const facts = await this.head(key);
      if (facts) yield facts;
    }
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }

  async copyFrom(source: MediaBucket, { key }: ObjectFacts): Promise<boolean> {
    const body = (source as Remembered).objects.get(key)?.body;
    if (body !== undefined) this.write(key, body);
    return body !== undefined;
  }
}
