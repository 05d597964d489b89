import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkMediaBuckets } from '../../functions/media/buckets/check-buckets.ts';
import { copyMedia } from '../../functions/media/buckets/copy-media.ts';
import { MediaBucketEmpty, MediaBucketsOverlap, MediaObjectsDiffer } from '../../functions/media/errors.ts';
import { parseStoreUri } from '../../functions/store/store-uri.ts';
import { options } from './copy-options.ts';
import { Remembered } from './remembered-bucket.ts';

describe('whatever is in the two buckets', () => {
  const keys = fc.constantFrom('a', 'b', 'c/d', 'c/e.png', 'f.png', 'g/');
  const content = fc.dictionary(keys, fc.constantFrom('', 'x', 'y', 'longer'));

  test('what the target has stays until the switch-over, and afterwards it has what the source has', async () => {
    const given = fc.record({
      old: content,
      source: content,
      removesOthers: fc.boolean(),
      png: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(given, async ({ old, source, removesOthers, png }) => {
        const to = new Remembered('to', old);
        const from = new Remembered('from', source);
        const exclude = png ? ['*.png'] : [];
        const wanted = Object.entries(source).filter(([key]) => !(png && key.endsWith('.png')));
        const others = Object.entries(old).filter(([key]) => !wanted.some(([other]) => other === key));
        const removes = removesOthers && Object.keys(source).length > 0;

        const first = await copyMedia({ from, to, removesOthers }, options('add', { exclude }));
        expect(to.content).toEqual({ ...Object.fromEntries(wanted), ...old });
        const second = await copyMedia({ from, to, removesOthers }, options('settle', { exclude }));
        expect(to.content).toEqual(Object.fromEntries([...(removes ? [] : others), ...wanted]));

        expect(first?.added).toBe(wanted.filter(([key]) => !(key in old)).length);
        expect(second).toMatchObject({
          files: wanted.length,
          added: 0,
          removed: removes ? others.length : 0,
          others: removes ? 0 : others.length,
          leftOut: Object.keys(source).length - wanted.length,
        });
        // A repeated one has nothing to do
        const again = await copyMedia({ from, to, removesOthers }, options('settle', { exclude }));
        expect(again).toMatchObject({ added: 0, replaced: 0, removed: 0 });
      }),
    );
  });

  test('a repeated call goes on where there was no time for more', async () => {
    const many = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`file ${index}`, `${index}`]),
    );
    const [from, to] = [new Remembered('from', many), new Remembered('to')];
    let calls = 0;
    let copies = 0;
    for (let counts: unknown; counts === undefined && calls < 20; calls++) {
      const most = copies + 700;
      counts = await copyMedia(
        { from, to, removesOthers: false },
        options('settle', {
          isNearlyOver: () => copies >= most,
          progress: { advance: () => (copies += 1) },
        }),
      );
    }
    expect([calls, copies]).toEqual([5, 3000]);
    expect(to.content).toEqual(many);
  });

  test('a copy that is not there in the end fails, and one whose source has gone does not', async () => {
    const [from, to] = [new Remembered('from', { a: 'aa', b: 'bb' }), new Remembered('to')];
    from.copyFrom = async () => false;
    to.copyFrom = async (_, { key }) => {
      if (key === 'a') from.objects.delete('a');
      return key !== 'a';
    };
    const copying = copyMedia({ from, to, removesOthers: false }, options('add'));
    await expect(copying).rejects.toThrow(MediaObjectsDiffer);
    await expect(copying).rejects.toThrow('s3://to/media/b has no bytes after it was copied');
  });
});

describe('two buckets', () => {
  const place = (uri: string) => {
    const { bucket, prefix } = parseStoreUri(uri);
    return { bucket, prefix, uri: (key: string) => `s3://${bucket}/${prefix}${key}` };
  };
  const check = (from: string, to: string, store = 's3://backups/nautobot') => {
    const bucketOf = (uri: string) => Object.assign(new Remembered('x', { a: '' }), place(uri));
    return checkMediaBuckets({ from: bucketOf(from), to: bucketOf(to), removesOthers: true }, place(store));
  };

  test.each([
    ['s3://media', 's3://media'],
    ['s3://media/production', 's3://media'],
    ['s3://media', 's3://media/staging'],
    ['s3://media', 's3://backups'],
    ['s3://media', 's3://backups/nautobot/media'],
  ])('%s is not copied into %s, which is or holds something else', async (from, to) => {
    await expect(check(from, to)).rejects.toThrow(MediaBucketsOverlap);
  });

  test('lie apart by their prefixes, too', async () => {
    expect(await check('s3://media/production', 's3://media/production-copy')).toContain('can be listed');
  });

  test('of which the one to be copied is empty are refused where the other would be emptied', async () => {
    const [from, to] = [new Remembered('from'), new Remembered('to', { a: '' })];
    const checking = (removesOthers: boolean) =>
      checkMediaBuckets({ from, to, removesOthers }, place('s3://backups'));
    await expect(checking(true)).rejects.toThrow(MediaBucketEmpty);
    expect(await checking(false)).toBe('there is nothing at s3://from/media/ to copy');
  });
});
