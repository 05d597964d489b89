import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshFolder } from '../servers/fresh-folder.ts';

describe('the connection to the object store', () => {
  let before: NodeJS.ProcessEnv;
  beforeEach(() => {
    before = { ...process.env };
  });
  afterEach(() => {
    for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name];
    Object.assign(process.env, before);
  });

  it('says that the server cannot be reached, and where it was looked for', async () => {
    const port = await freePort();
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
    });
    const failure = expect(openStore('s3://my-bucket').head('x')).rejects;
    await failure.toMatchObject({ code: 'StoreUnreachable', exitCode: 2 });
    await failure.toThrow(`127.0.0.1:${port}`);
  });

  it('says that credentials are missing', async () => {
    const { env, uri } = await freshBucket();
    process.env.AWS_ENDPOINT_URL_S3 = env.AWS_ENDPOINT_URL_S3;
    await expect(openStore(uri()).head('x')).rejects.toMatchObject({
      code: 'StoreCredentialsMissing',
      exitCode: 2,
    });
  });

  it('says that credentials are not accepted', async () => {
    const { env, uri } = await freshBucket();
    Object.assign(process.env, env, { AWS_ACCESS_KEY_ID: 'unknown-key' });
    await expect(openStore(uri()).put('x', 'y')).rejects.toMatchObject({
      code: expect.stringMatching(/StoreCredentialsRejected|StoreAccessDenied/),
      exitCode: 2,
    });
  });

  it('says that a region is missing where no server is named', async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' });
    await expect(openStore('s3://my-bucket').head('x')).rejects.toMatchObject({
      code: 'StoreRegionWrong',
      exitCode: 2,
    });
  });

  it('says that the endpoint is no URL', async () => {
    process.env.AWS_ENDPOINT_URL_S3 = 'localhost:9000';
    await expect(openStore('s3://my-bucket').head('x')).rejects.toThrow('AWS_ENDPOINT_URL_S3');
  });

  it('takes endpoint, region and credentials from a profile', async () => {
    const { env, uri } = await freshBucket();
    const config = join(await freshFolder('aws'), 'config');
    await writeFile(
      config,
      `[profile backups]\nservices = local\nregion = eu-central-1\naws_access_key_id = ${env.AWS_ACCESS_KEY_ID}\naws_secret_access_key = ${env.AWS_SECRET_ACCESS_KEY}\n\n[services local]\ns3 =\n  endpoint_url = ${env.AWS_ENDPOINT_URL_S3}\n`,
    );
    Object.assign(process.env, { AWS_CONFIG_FILE: config, AWS_PROFILE: 'backups' });
    const store = openStore(uri());
    await store.put('x', 'y');
    expect((await store.get('x'))?.body.toString()).toBe('y');
  });

  it('ends with the reason once its signal is aborted', async () => {
    const { env, uri } = await freshBucket();
    Object.assign(process.env, env);
    const control = new AbortController();
    const store = openStore(uri(), { signal: control.signal });
    await store.put('x', 'y');
    control.abort(new Error('enough'));
    await expect(store.put('x', 'z')).rejects.toThrow('enough');
    await expect(store.putNew('new', 'z')).rejects.toThrow('enough');
    await expect(store.head('x')).rejects.toThrow('enough');
  });
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TypeError('no port');
  return address.port;
}
