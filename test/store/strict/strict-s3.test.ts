import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { freshBucket } from '../../servers/fresh-bucket.ts';
import { Permissions, type Role, type Statement } from './permissions.ts';
import { type StrictS3, startStrictS3Proxy } from './server.ts';

const mebibyte = 1024 ** 2;
let bucket: string;
let key: string;
let server: StrictS3;
let s3: S3Client;

const clientOf = (endpoint: string, accessKeyId: string, checksums = true) =>
  new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: checksums ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED',
    credentials: { accessKeyId, secretAccessKey: 'x' },
  });

beforeAll(async () => {
  const fresh = await freshBucket();
  bucket = fresh.bucket;
  fresh.client.destroy();
  server = await startStrictS3Proxy({ upstream: inject('servers').s3.env, pageSize: 3 });
  s3 = clientOf(server.endpoint, 'root');
});
beforeEach(() => {
  key = `a/${randomBytes(4).toString('hex')}`;
});
afterAll(async () => {
  s3.destroy();
  await server.stop();
});

const put = (Key = key, Body: string | Buffer = 'text', more = {}) =>
  s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...more }));

/** A multipart upload with parts of these sizes, and what Complete would name. */
async function uploaded(sizes: Record<number, number>, checksums = true) {
  const at = { Bucket: bucket, Key: key };
  const client = checksums ? s3 : clientOf(server.endpoint, 'root', false);
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...at, ...(checksums && { ChecksumAlgorithm: 'CRC32' }) }),
  );
  const parts: CompletedPart[] = [];
  for (const [number, size] of Object.entries(sizes)) {
    const PartNumber = Number(number);
    const part = { ...at, UploadId, PartNumber, Body: Buffer.alloc(size, number) };
    const { ETag, ChecksumCRC32 } = await client.send(
      new UploadPartCommand({ ...part, ...(checksums && { ChecksumAlgorithm: 'CRC32' }) }),
    );
    parts.push({ PartNumber, ETag, ...(ChecksumCRC32 && { ChecksumCRC32 }) });
  }
  const complete = (Parts: object[] = parts, more = {}) =>
    client.send(new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts }, ...more }));
  return { UploadId, parts, complete };
}

const refused = (code: string, status: number) => ({ name: code, $metadata: { httpStatusCode: status } });

describe('objects', () => {
  it('have ETags that say nothing about their bytes, and differ at every upload', async () => {
    const one = await put();
    const again = await put();
    expect(again.ETag).not.toBe(one.ETag);
    expect(again.VersionId).not.toBe(one.VersionId);
  });

  it('are not written where one is, if the request says so', async () => {
    await put(key, 'first', { IfNoneMatch: '*' });
    await expect(put(key, 'second', { IfNoneMatch: '*' })).rejects.toMatchObject(
      refused('PreconditionFailed', 412),
    );
    const raced = await Promise.allSettled(
      [1, 2, 3].map((n) => put(`${key}-raced`, `${n}`, { IfNoneMatch: '*' })),
    );
    expect(raced.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('are not written with a checksum that is not theirs', async () => {
    await expect(put(key, 'text', { ChecksumCRC32: 'AAAAAA==' })).rejects.toMatchObject(
      refused('BadDigest', 400),
    );
  });

  it('are read only as the version and ETag that is asked for', async () => {
    const { VersionId } = await put();
    const get = (more: object) => s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...more }));
    expect(await (await get({ VersionId, Range: 'bytes=1-2' })).Body?.transformToString()).toBe('ex');
    await expect(get({ IfMatch: '"other"' })).rejects.toMatchObject(refused('PreconditionFailed', 412));
    await put();
    await expect(get({ VersionId })).rejects.toMatchObject(refused('NoSuchVersion', 404));
  });

  it('are listed in pages', async () => {
    for (const n of [1, 2, 3, 4]) await put(`pages/${n}`);
    const list = (ContinuationToken?: string) =>
      s3.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'pages/', ContinuationToken }));
    const first = await list();
    expect(first).toMatchObject({ IsTruncated: true, KeyCount: 3 });
    expect((await list(first.NextContinuationToken)).Contents).toMatchObject([{ Key: 'pages/4' }]);
  });

  it('are removed together only with a checksum over the list', async () => {
    await put();
    const url = `${server.endpoint}/${bucket}?delete`;
    const response = await fetch(url, {
      method: 'POST',
      body: `<Delete><Object><Key>${key}</Key></Object></Delete>`,
    });
    expect([response.status, await response.text()]).toEqual([400, expect.stringContaining('Content-MD5')]);
  });
});

describe('multipart uploads', () => {
  it('are put together where everything is right, and are gone then', async () => {
    const { complete, UploadId } = await uploaded({ 1: 5 * mebibyte, 2: 10 });
    await complete();
    expect(await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).toMatchObject({
      ContentLength: 5 * mebibyte + 10,
    });
    await expect(complete()).rejects.toMatchObject(refused('NoSuchUpload', 404));
    await expect(
      s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId })),
    ).rejects.toMatchObject(refused('NoSuchUpload', 404));
  });

  it('have parts of 5 MiB at least, but for the last', async () => {
    const { complete } = await uploaded({ 1: 5 * mebibyte - 1, 2: 10 });
    await expect(complete()).rejects.toMatchObject(refused('EntityTooSmall', 400));
  });

  it('have consecutive part numbers where parts carry checksums', async () => {
    const { complete } = await uploaded({ 1: 5 * mebibyte, 3: 10 });
    await expect(complete()).rejects.toMatchObject({ $metadata: { httpStatusCode: 500 } });
    const without = await uploaded({ 1: 5 * mebibyte, 3: 10 }, false);
    await without.complete();
  });

  it('name their parts in order, by the ETags and checksums that S3 gave', async () => {
    const { complete, parts } = await uploaded({ 1: 5 * mebibyte, 2: 10 });
    const [one, two] = parts as [object, object];
    await expect(complete([two, one])).rejects.toMatchObject(refused('InvalidPartOrder', 400));
    await expect(complete([one, { ...two, ETag: '"x"' }])).rejects.toMatchObject(refused('InvalidPart', 400));
    await expect(complete([one, { ...two, ChecksumCRC32: 'AAAAAA==' }])).rejects.toMatchObject(
      refused('InvalidPart', 400),
    );
    await expect(complete([one, { ...two, ChecksumCRC32: undefined }])).rejects.toMatchObject(
      refused('InvalidRequest', 400),
    );
    await complete();
  });

  it('carry checksums throughout, or nowhere', async () => {
    const { UploadId } = await uploaded({}, false);
    const part = {
      Bucket: bucket,
      Key: key,
      UploadId,
      PartNumber: 1,
      Body: 'x',
      ChecksumAlgorithm: 'CRC32',
    } as const;
    await expect(s3.send(new UploadPartCommand(part))).rejects.toMatchObject(refused('InvalidRequest', 400));
  });

  it('do not replace an object, if the request says so', async () => {
    await put();
    const { complete } = await uploaded({ 1: 10 });
    await expect(complete(undefined, { IfNoneMatch: '*' })).rejects.toMatchObject(
      refused('PreconditionFailed', 412),
    );
    await complete();
  });

  it('copy a range only of what is larger than 5 MiB, and only of what it was', async () => {
    const { ETag } = await put('small', Buffer.alloc(5 * mebibyte));
    const large = await put('large', Buffer.alloc(5 * mebibyte + 1));
    const { UploadId } = await uploaded({});
    const copy = (source: string, more: object) =>
      s3.send(
        new UploadPartCopyCommand({
          Bucket: bucket,
          Key: key,
          UploadId,
          PartNumber: 1,
          CopySource: `${bucket}/${source}`,
          ...more,
        }),
      );
    await expect(copy('small', { CopySourceRange: 'bytes=0-9' })).rejects.toMatchObject(
      refused('InvalidRequest', 400),
    );
    await copy('small', { CopySourceIfMatch: ETag });
    const range = { CopySourceRange: 'bytes=0-9' };
    const { CopyPartResult } = await copy('large', { ...range, CopySourceIfMatch: large.ETag });
    expect(CopyPartResult?.ChecksumCRC32).toBeDefined();
    await expect(copy('large', { ...range, CopySourceIfMatch: ETag })).rejects.toMatchObject(
      refused('PreconditionFailed', 412),
    );
    await expect(copy('large', { CopySourceRange: `bytes=0-${6 * mebibyte}` })).rejects.toMatchObject(
      refused('InvalidArgument', 400),
    );
  });
});

describe('rights', () => {
  const arn = () => `arn:aws:s3:::${bucket}`;
  const role = (name: string, ...statements: Statement[]): Role => ({
    name,
    arn: `arn:aws:iam::111111111111:role/${name}`,
    statements,
  });
  const allow = (Action: string | string[], ...Resource: string[]): Statement => ({
    Effect: 'Allow',
    Action,
    Resource,
  });

  /** A server for somebody with these statements, and for a sealer that may everything. */
  async function behind<T>(
    statements: Statement[],
    policy: Statement[],
    work: (client: S3Client, permissions: Permissions, sealer: S3Client) => Promise<T>,
  ): Promise<T> {
    const roles = new Map([
      ['SOMEBODY', role('Somebody', ...statements)],
      ['SEALER', role('Sealer', allow('s3:*', '*'))],
    ]);
    const permissions = new Permissions(roles, policy);
    const guarded = await startStrictS3Proxy({ upstream: inject('servers').s3.env, permissions });
    const [client, sealer] = [clientOf(guarded.endpoint, 'SOMEBODY'), clientOf(guarded.endpoint, 'SEALER')];
    try {
      return await work(client, permissions, sealer);
    } finally {
      client.destroy();
      sealer.destroy();
      await guarded.stop();
    }
  }
  const denied = refused('AccessDenied', 403);
  const at = (Key: string) => ({ Bucket: bucket, Key });

  it('reach as far as actions and resources do, and what was never needed is known', () =>
    behind(
      [
        allow(['s3:GetObject', 's3:PutObject'], `${arn()}/runs/*`),
        allow('s3:DeleteObject', `${arn()}/runs/*`),
      ],
      [],
      async (client, permissions) => {
        await client.send(new PutObjectCommand({ ...at('runs/a'), Body: 'x' }));
        await client.send(new GetObjectCommand(at('runs/a')));
        await expect(
          client.send(new PutObjectCommand({ ...at('locks/a'), Body: 'x' })),
        ).rejects.toMatchObject(denied);
        await expect(client.send(new ListObjectsV2Command({ Bucket: bucket }))).rejects.toMatchObject(denied);
        expect(permissions.refused).toEqual([
          `Somebody: s3:PutObject ${arn()}/locks/a`,
          `Somebody: s3:ListBucket ${arn()}`,
        ]);
        expect(permissions.unused(['s3'])).toEqual([
          'Sealer: s3:* *',
          `Somebody: s3:DeleteObject ${arn()}/runs/*`,
        ]);
      },
    ));

  it('to see that something is not there are rights to list', async () => {
    const get = allow('s3:GetObject', `${arn()}/*`);
    await behind([get], [], async (client) => {
      const nowhere = client.send(new GetObjectCommand(at('nowhere')));
      await expect(nowhere).rejects.toMatchObject(denied);
    });
    await behind([get, allow('s3:ListBucket', arn())], [], async (client) => {
      await expect(client.send(new GetObjectCommand(at('nowhere')))).rejects.toMatchObject(
        refused('NoSuchKey', 404),
      );
    });
  });

  it('of the bucket forbid what roles allow: no unconditional write, and none but by the sealer', () => {
    const sealed = { Action: 's3:PutObject', Resource: `${arn()}/backups/*`, Effect: 'Deny' } as const;
    const policy: Statement[] = [
      {
        ...sealed,
        Condition: {
          Null: { 's3:if-none-match': 'true' },
          Bool: { 's3:ObjectCreationOperation': 'true' },
        },
      },
      {
        ...sealed,
        Condition: { ArnNotEquals: { 'aws:PrincipalArn': ['arn:aws:iam::111111111111:role/Sealer'] } },
      },
    ];
    return behind([allow('s3:PutObject', `${arn()}/*`)], policy, async (client, _, sealer) => {
      const write = (by: S3Client, more = {}) =>
        by.send(new PutObjectCommand({ ...at('backups/x'), Body: 'x', ...more }));
      await expect(write(client, { IfNoneMatch: '*' })).rejects.toMatchObject(denied);
      await expect(write(sealer)).rejects.toMatchObject(denied);
      await write(sealer, { IfNoneMatch: '*' });
      // Parts make no object: the condition is asked of Complete
      const upload = { ...at('backups/y'), ChecksumAlgorithm: 'CRC32' } as const;
      const { UploadId } = await sealer.send(new CreateMultipartUploadCommand(upload));
      const part = { ...upload, UploadId, PartNumber: 1 };
      const { ETag, ChecksumCRC32 } = await sealer.send(new UploadPartCommand({ ...part, Body: 'x' }));
      const complete = {
        ...at('backups/y'),
        UploadId,
        MultipartUpload: { Parts: [{ PartNumber: 1, ETag, ChecksumCRC32 }] },
      };
      await expect(sealer.send(new CompleteMultipartUploadCommand(complete))).rejects.toMatchObject(denied);
      await sealer.send(new CompleteMultipartUploadCommand({ ...complete, IfNoneMatch: '*' }));
    });
  });

  it('that are denied are denied, whatever else allows them; what is not understood is no yes', async () => {
    const deny: Statement = { Effect: 'Deny', Action: 's3:Put*', Resource: '*' };
    await behind([allow('s3:*', '*'), deny], [], async (client) => {
      await expect(client.send(new PutObjectCommand({ ...at('x'), Body: '' }))).rejects.toMatchObject(denied);
    });
    const odd = { ...allow('s3:*', '*'), Condition: { DateGreaterThan: { 'aws:CurrentTime': 'x' } } };
    const permissions = new Permissions(new Map([['K', role('R', odd)]]));
    expect(() => permissions.allows('K', { action: 's3:GetObject', resource: 'x' })).toThrow(
      'DateGreaterThan',
    );
    expect(permissions.allows('NOBODY', { action: 's3:GetObject', resource: 'x' })).toBe(false);
  });

  it('to remove several objects are asked for each', () =>
    behind([allow('s3:DeleteObject', `${arn()}/runs/*`)], [], async (client) => {
      const Objects = [{ Key: 'runs/1' }, { Key: 'backups/1' }];
      const { Errors } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
      expect(Errors).toMatchObject([{ Key: 'backups/1', Code: 'AccessDenied' }]);
    }));
});
