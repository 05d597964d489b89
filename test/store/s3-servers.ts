import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { findProgram } from '../../local/servers/find-program.ts';
import { startS3 } from '../../local/servers/s3.ts';
import { startStrictS3 } from '../../local/servers/strict-s3.ts';
import { startStrictS3Proxy } from './strict/server.ts';

export interface RunningServer {
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export type ServerName = 's3rver' | 'moto_server' | 'versitygw' | 'strict proxy';

const strict = ['moto_server', 'versitygw'] as const;

/**
 * The servers that the object store is tried on here: s3rver and a proxy in front of it that holds S3's rules, always,
 * other strict ones where they are installed.
 */
export async function presentServers(): Promise<{ present: ServerName[]; absent: ServerName[] }> {
  const present: ServerName[] = ['s3rver', 'strict proxy'];
  const absent: ServerName[] = [];
  for (const name of strict) ((await findProgram(name)) ? present : absent).push(name);
  return { present, absent };
}

export async function startServer(name: ServerName): Promise<RunningServer> {
  if (name === 'strict proxy') return startBehindProxy();
  const server = name === 's3rver' ? await startS3() : await startStrictS3(name);
  if (!server) throw new Error(`${name} is not on the PATH`);
  return server;
}

async function startBehindProxy(): Promise<RunningServer> {
  const server = await startS3();
  const proxy = await startStrictS3Proxy({ upstream: server.env });
  return {
    env: proxy.env,
    stop: async () => {
      await proxy.stop();
      await server.stop();
    },
  };
}

/** Leads this process's AWS settings to a server; returns what undoes it. */
export function useServer(env: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

/** A client of the server in use, for what the store itself can't do. */
export function plainClient(): S3Client {
  return new S3Client({ forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
}

export async function newBucket(): Promise<string> {
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  const client = plainClient();
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return bucket;
}
