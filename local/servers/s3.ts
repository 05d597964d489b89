import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from './server-plan.ts';
import { isListening, onFreePort, type SupervisedServer, startSupervised } from './supervised.ts';

export interface S3Server extends SupervisedServer {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
  /** The standard AWS variables that lead an SDK here. */
  readonly env: Readonly<Record<string, string>>;
  /** Where s3rver keeps its objects as files; the other servers keep them in other ways. */
  readonly objects: string;
}

export interface S3Options {
  /** Must not exist yet; a new one in the system's temporary folder by default. Removed by stop(). */
  readonly directory?: string;
  /** Made before the server is ready. */
  readonly buckets?: readonly string[];
}

/** Starts the embedded S3 server (s3rver): no conditions, no checksums, no UploadPartCopy, any part size. */
export function startS3(options: S3Options = {}): Promise<S3Server> {
  const process_ = fileURLToPath(new URL('s3rver-process.ts', import.meta.url));
  return startS3Program(options.directory, { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' }, (at) => ({
    file: process.execPath,
    args: ['--no-warnings', process_, at.objects, String(at.port), ...(options.buckets ?? [])],
  }));
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** Starts any S3 server that is told its port and where to keep objects. */
export function startS3Program(
  chosenDirectory: string | undefined,
  keys: Keys,
  serve: (at: { port: number; objects: string }) => Command,
  makeFolder?: boolean,
): Promise<S3Server> {
  return onFreePort(async (port) => {
    const directory = chosenDirectory ?? join(tmpdir(), `replicator-s3-${randomBytes(6).toString('hex')}`);
    const objects = join(directory, 'objects');
    const server = await startSupervised(
      {
        directory,
        ...(makeFolder === true ? { prepare: [{ file: 'mkdir', args: [objects] }] } : {}),
        serve: serve({ port, objects }),
        stopSignals: ['SIGTERM'],
      },
      () => isListening(port),
    );
    const endpoint = `http://127.0.0.1:${port}`;
    const region = 'us-east-1';
    const env = {
      AWS_ENDPOINT_URL_S3: endpoint,
      AWS_ACCESS_KEY_ID: keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
      AWS_REGION: region,
    };
    return { ...server, ...keys, endpoint, region, env, objects };
  });
}
