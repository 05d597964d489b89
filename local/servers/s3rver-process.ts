/** The process of the embedded S3 server: `s3rver-process.ts DIRECTORY PORT [BUCKET]...` */
import { createRequire } from 'node:module';
import { ConsistentStore } from './s3rver-store.ts';

interface S3rverOptions {
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  readonly silent: boolean;
  readonly vhostBuckets: boolean;
  readonly configureBuckets: readonly { readonly name: string }[];
}
type S3rver = new (
  options: S3rverOptions,
) => {
  store: unknown;
  readonly context: { store: unknown };
  run(): Promise<unknown>;
};

const [directory, port, ...buckets] = process.argv.slice(2);
if (directory === undefined || port === undefined) throw new TypeError('directory and port are missing');
const Server = createRequire(import.meta.url)('s3rver') as S3rver;
const server = new Server({
  directory,
  address: '127.0.0.1',
  port: Number(port),
  silent: true,
  vhostBuckets: false,
  configureBuckets: buckets.map((name) => ({ name })),
});
server.store = server.context.store = new ConsistentStore(directory);
await server.run();
