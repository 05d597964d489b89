import { describe, expect, it } from 'vitest';
import { copyEnd, copyStatement } from '../../functions/archive/copy-lines.ts';

describe('the COPY line', () => {
  it('quotes every identifier', () => {
    expect(copyStatement('public', 'order', ['id', 'Group', 'a"b'])).toBe(
      'COPY "public"."order" ("id","Group","a""b") FROM stdin;\n',
    );
  });

  it('names no columns where a table has none', () => {
    expect(copyStatement('my schema', 'none', [])).toBe('COPY "my schema"."none" FROM stdin;\n');
  });

  it('has an end that psql knows', () => {
    expect(copyEnd).toBe('\\.\n\n');
  });
});
