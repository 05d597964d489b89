import { findProgram } from './find-program.ts';
import { type S3Server, startS3Program } from './s3.ts';

/**
 * Starts a server that holds S3's rules (conditions, checksums, part sizes, UploadPartCopy), where one is on the PATH:
 * versitygw, or moto's. It has no bucket.
 * @returns undefined where neither is installed
 */
export async function startStrictS3(name: 'versitygw' | 'moto_server'): Promise<S3Server | undefined> {
  const file = await findProgram(name);
  if (file === undefined) return undefined;
  const keys = { accessKeyId: 'strict-s3-user', secretAccessKey: 'strict-s3-secret' };
  if (name === 'moto_server') {
    return startS3Program(undefined, keys, ({ port }) => ({
      file,
      args: ['-H', '127.0.0.1', '-p', String(port)],
    }));
  }
  return startS3Program(
    undefined,
    keys,
    ({ port, objects }) => ({
      file,
      args: ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', objects],
      environment: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey },
    }),
    true,
  );
}
