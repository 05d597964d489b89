import { expect, test } from 'vitest';
import { redact } from '../../cli/redact.ts';

test.each([
  ['postgres://nautobot:hush@db:5432/nautobot', 'postgres://nautobot:***@db:5432/nautobot'],
  [
    'see postgresql://u:p@ss:word@db/x and rediss://:hush@cache:6379/1',
    'see postgresql://u:***@db/x and rediss://:***@cache:6379/1',
  ],
  ['postgres://u:h%40sh/d@db/x', 'postgres://u:***@db/x'],
  ['postgres://u:a#b@db/x', 'postgres://u:***@db/x'],
  [
    'postgres://db/x?user=u&password=hush&sslmode=require',
    'postgres://db/x?user=u&password=***&sslmode=require',
  ],
  ['host=db password=hush user=u', 'host=db password=*** user=u'],
])('takes the password out of %s', (text, shown) => {
  expect(redact(text)).toBe(shown);
});

test.each(['s3://bucket/prefix', 'postgres://u@db:5432/x', 'http://127.0.0.1:9000/bucket@2', 'a: b@c'])(
  'leaves %s alone',
  (text) => {
    expect(redact(text)).toBe(text);
  },
);
