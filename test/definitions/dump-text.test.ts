import { describe, expect, test } from 'vitest';
import { takeApart } from '../../functions/definitions/dump-text.ts';
import { DefinitionsFailed } from '../../functions/definitions/errors.ts';

const body =
  '\nCREATE FUNCTION f() AS $$\nSET transaction_timeout = 0;\n\\restrict KEY\n\\unrestrict KEY\n$$;\n\n\n';
const settings =
  "SET statement_timeout = 0;\nSET transaction_timeout = 0;\nSELECT pg_catalog.set_config('search_path', '', false);\n";
const begin = '--\n-- PostgreSQL database dump\n--\n\n';
const versions = '-- Dumped from database version 15.18\n-- Dumped by pg_dump version 18.3\n\n';
const ending = '--\n-- PostgreSQL database dump complete\n--\n\n';
const dump = `${begin}\\restrict KEY\n\n${versions}${settings}${body}${ending}\\unrestrict KEY\n\n`;

test('only the two lines of pg_dump itself go', () => {
  const parts = takeApart(Buffer.from(dump), 'KEY', 180_004);
  expect(parts).toEqual({ preamble: begin + versions + settings, body, ending });
});

test.each([150_018, 169_999])('a server of version %i is not told of a setting that it lacks', (version) => {
  const { preamble, body: same } = takeApart(Buffer.from(dump), 'KEY', version);
  expect(preamble).toBe(begin + versions + settings.replace('SET transaction_timeout = 0;\n', ''));
  expect(same).toBe(body);
});

describe('what has not the shape of a whole dump is refused', () => {
  test.each([
    ['nothing', ''],
    ['cut short', dump.slice(0, -20)],
    ['cut at a statement', dump.slice(0, dump.indexOf(ending))],
    ['of another run', dump.replaceAll('KEY', 'OTHER')],
    ['without settings', dump.replace(settings, '')],
  ])('%s', (_, text) => {
    expect(() => takeApart(Buffer.from(text), 'KEY', 180_004)).toThrow(DefinitionsFailed);
  });

  test('bytes that are not UTF-8', () => {
    const bytes = Buffer.from(dump.replace('FUNCTION', 'FUNCTI\xd6N'), 'latin1');
    expect(() => takeApart(bytes, 'KEY', 180_004)).toThrow(/UTF-8/);
  });
});
