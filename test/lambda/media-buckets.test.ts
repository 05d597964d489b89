import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test, vi } from 'vitest';
import { exampleConfiguration } from '../../infra/configuration/examples.ts';
import { Configuration } from '../../infra/configuration/schema.ts';
import { smallNautobot } from '../faults/small-nautobot.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { deploy } from './deployment.ts';

vi.setConfig({ testTimeout: 300_000 });

test('media are copied from bucket to bucket on the assets, by the rights of their roles alone', async () => {
  const [from, to] = [await freshBucket(), await freshBucket()];
  const put = (bucket: string, Key: string, Body: string) =>
    from.client.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  await put(from.bucket, 'production/images/a b.png', 'of production');
  await put(from.bucket, 'production/images/new.png', 'new');
  await put(to.bucket, 'images/a b.png', 'of staging, longer');
  await put(to.bucket, 'old.png', 'of staging');
  const [example] = exampleConfiguration.targets;
  const media = {
    copyFrom: `s3://${from.bucket}/production`,
    copyTo: `s3://${to.bucket}`,
    removeOthers: true,
  };
  const deployment = await deploy(
    Configuration.parse({
      ...exampleConfiguration,
      source: {
        ...exampleConfiguration.source,
        media: { remoteStorage: `s3://${from.bucket}/production` },
      },
      targets: [{ ...example, media }],
    }),
  );
  const [source, target] = await Promise.all([smallNautobot('source'), smallNautobot('target')]);
  try {
    await deployment.use(source, target);
    await deployment.run('replicate', { backup: { jobs: 2 }, restore: { jobs: 2 } });
    expect(deployment.permissions.refused).toEqual([]);
    const read = (Key: string) => to.client.send(new GetObjectCommand({ Bucket: to.bucket, Key }));
    expect(await (await read('images/a b.png')).Body?.transformToString()).toBe('of production');
    await expect(read('old.png')).rejects.toMatchObject({ name: 'NoSuchKey' });
    const copying = /-(AddMediaObjects|SettleMediaObjects): s3:(Get|Put|Delete)Object/;
    expect(deployment.permissions.unused(['s3']).filter((right) => copying.test(right))).toEqual([]);
  } finally {
    await deployment.stop();
    for (const { database } of [source, target]) await database.drop();
  }
});
