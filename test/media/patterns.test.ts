import { describe, expect, it } from 'vitest';
import { BadMediaPattern } from '../../functions/media/errors.ts';
import { matchMedia } from '../../functions/media/patterns.ts';

const latin1 = (path: string) => Buffer.from(path).toString('latin1');
const matched = (pattern: string, ...paths: string[]) =>
  paths.filter((path) => matchMedia([pattern])(latin1(path)));

describe('a pattern of media', () => {
  it('without a slash is about names in every folder, and what is in folders of that name', () => {
    const paths = ['a.iso', 'x/b.iso', 'x/iso', 'a.iso.txt', 'old.iso/inside/file', 'x/a.ISO'];
    expect(matched('*.iso', ...paths)).toEqual(['a.iso', 'x/b.iso', 'old.iso/inside/file']);
    expect(matched('inside/', ...paths)).toEqual(['old.iso/inside/file']);
  });

  it('with a slash begins at the media directory; * stays within a name and ** does not', () => {
    const paths = ['jobs/a', 'jobs/x/y/b', 'x/jobs/a', 'jobs', 'a/c', 'a/b/c', 'a/b/b/c'];
    expect(matched('/jobs', ...paths)).toEqual(['jobs/a', 'jobs/x/y/b', 'jobs']);
    expect(matched('jobs/**', ...paths)).toEqual(['jobs/a', 'jobs/x/y/b']);
    expect(matched('jobs/*', ...paths)).toEqual(['jobs/a', 'jobs/x/y/b']);
    expect(matched('a/*/c', ...paths)).toEqual(['a/b/c']);
    expect(matched('a/**/c', ...paths)).toEqual(['a/c', 'a/b/c', 'a/b/b/c']);
    expect(matched('**/c', ...paths)).toEqual(['a/c', 'a/b/c', 'a/b/b/c']);
  });

  it('takes characters for what they are, whatever alphabet they are of', () => {
    expect(matched('図?.png', '図1.png', '図🏯.png', '図.png', '図12.png')).toEqual(['図1.png', '図🏯.png']);
    expect(matched('[a-c!]x', 'ax', '!x', 'dx')).toEqual(['ax', '!x']);
    expect(matched('[!a-c]x', 'ax', 'dx')).toEqual(['dx']);
    expect(matched('a.b+(c)$', 'a.b+(c)$', 'aXb+(c)$')).toEqual(['a.b+(c)$']);
    expect(matched('\\*\\[', '*[', 'x[')).toEqual(['*[']);
    expect(matched('[&&]', '&', 'x')).toEqual(['&']);
    expect(matchMedia(['*.bin'])('\xff\xfe.bin')).toBe(true);
  });

  it('never names the media directory itself', () => {
    expect(matchMedia(['*', '**'])('')).toBe(false);
    expect(matchMedia([])('a')).toBe(false);
  });

  it.each(['', '/', 'a//b', '../a', 'a/./b', 'a/..', '[abc'])('is refused as %j', (pattern) => {
    expect(() => matchMedia([pattern])).toThrow(BadMediaPattern);
  });
});
