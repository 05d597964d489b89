import { describe, expect, it } from 'vitest';
import { BadStoreUri } from '../../functions/store/errors.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { parseStoreUri } from '../../functions/store/store-uri.ts';

describe('--store', () => {
  it.each([
    ['s3://my-bucket', 'my-bucket', ''],
    ['s3://my-bucket/', 'my-bucket', ''],
    ['s3://my-bucket/a', 'my-bucket', 'a/'],
    ['s3://my-bucket/a/b c/', 'my-bucket', 'a/b c/'],
    ['s3://my.bucket.name/100%', 'my.bucket.name', '100%/'],
    ['s3://Old_Bucket//a//', 'Old_Bucket', 'a/'],
  ])('reads %s', (uri, bucket, prefix) => {
    expect(parseStoreUri(uri)).toEqual({ bucket, prefix });
  });

  it.each([
    '',
    'my-bucket/a',
    'S3://my-bucket',
    'https://my-bucket.s3.amazonaws.com',
    's3://',
    's3:///a',
    's3:/my-bucket/a',
    's3://b',
    's3://my bucket/a',
    's3://my-bucket:9000/a',
    's3://user@my-bucket/a',
    's3://-bucket',
    's3://my-bucket/a//b',
    's3://my-bucket/a/../b',
    's3://my-bucket/a\nb',
  ])('refuses %j, names the option and says how it should look', (uri) => {
    expect(() => openStore(uri)).toThrow(BadStoreUri);
    expect(() => openStore(uri)).toThrow(/--store.*s3:\/\/bucket\/prefix/s);
  });

  it('says where a key lies', () => {
    expect(openStore('s3://my-bucket/a/b').uri('runs/x')).toBe('s3://my-bucket/a/b/runs/x');
  });
});
