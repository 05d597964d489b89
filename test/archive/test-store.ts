import type { ObjectStore } from '../../functions/store/object-store.ts';
import { openStore, type StoreOptions } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

export interface TestStore {
  readonly store: ObjectStore;
  /** The same place, reached in another way. */
  again(options: StoreOptions): ObjectStore;
}

/** A store in a new bucket of the shared S3 server. */
export async function testStore(): Promise<TestStore> {
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  return { store: openStore(bucket.uri()), again: (options) => openStore(bucket.uri(), options) };
}
