import { innerSetting, outerSetting } from './mask-key.ts';

/** A function that expressions of a profile may call as `mask.<name>(…)`: text that takes the call's place. */
export interface MaskFunction {
  /** For messages: `mask.hash(value, length)`. */
  readonly usage: string;
  readonly least: number;
  readonly most: number;
  /** Its outcome depends on the key. */
  readonly keyed: boolean;
  /** @returns SQL, or undefined when an argument is not what it must be */
  expand(values: readonly string[]): string | undefined;
  /** SQL of a constant that is as long as what it gives can be; undefined: the expansion itself, which has a type. */
  longest?(values: readonly string[]): string | undefined;
}

/** HMAC-SHA256 (RFC 2104) of a value's text, as 64 hexadecimal digits. sha256() came with PostgreSQL 11. */
function hmac(value: string): string {
  const key = (setting: string) => `pg_catalog.decode(pg_catalog.current_setting('${setting}'), 'hex')`;
  const text = `pg_catalog.convert_to((${value})::pg_catalog.text, pg_catalog.getdatabaseencoding())`;
  return `pg_catalog.encode(pg_catalog.sha256(${key(outerSetting)} || pg_catalog.sha256(${key(innerSetting)} || ${text})), 'hex')`;
}

function digits(value: string, count: number): string {
  return `pg_catalog.left(${hmac(value)}, ${count})`;
}

/** What is missing or empty stays so: it tells nothing, and applications ask for it. */
function unlessEmpty(value: string, masked: string): string {
  return `CASE WHEN (${value})::pg_catalog.text <> '' THEN ${masked} ELSE (${value})::pg_catalog.text END`;
}

function text(usage: string, before: string, count: number, after = ''): MaskFunction {
  const quoted = (part: string) => `'${part}'`;
  return {
    usage,
    least: 1,
    most: 1,
    keyed: true,
    expand: ([value = '']) =>
      unlessEmpty(value, `${quoted(before)} || ${digits(value, count)} || ${quoted(after)}`),
    longest: () => quoted(`${before}${'f'.repeat(count)}${after}`),
  };
}

const octet = (value: string, place: number) =>
  `pg_catalog.get_byte(pg_catalog.decode(${digits(value, 32)}, 'hex'), ${place})`;

/** Keys whose values hold secrets, in JSON of applications. */
const secretKeys =
  'pass(word|wd|phrase)?|pwd|secret|token|credential|api_?key|private|auth|cookie|session|headers?|' +
  'community|payload_url|remote_url|webhook|extra_(config|data)|config_data|parameters|context_data|kwargs|args';

/**
 * A JSON value in which the values of keys that match a pattern are replaced, however deep they lie. It walks down to
 * the keys, without going on below one that matches, and then sets them one after another.
 */
function blankedJson(value: string, pattern: string): string {
  return `(WITH RECURSIVE
    whole AS (SELECT (${value})::pg_catalog.text::pg_catalog.jsonb AS value),
    node (path, value, hit) AS (
      SELECT '{}'::pg_catalog.text[], whole.value, false FROM whole
      UNION ALL
      SELECT node.path || child.key, child.value, child.named AND child.key ~* (${pattern})
        FROM node CROSS JOIN LATERAL (
          SELECT e.key, e.value, true AS named
            FROM pg_catalog.jsonb_each(CASE WHEN pg_catalog.jsonb_typeof(node.value) = 'object' THEN node.value ELSE '{}' END) AS e
          UNION ALL
          SELECT (a.place - 1)::pg_catalog.text, a.value, false
            FROM pg_catalog.jsonb_array_elements(CASE WHEN pg_catalog.jsonb_typeof(node.value) = 'array' THEN node.value ELSE '[]' END)
              WITH ORDINALITY AS a (value, place)
        ) AS child
       WHERE NOT node.hit),
    hit AS MATERIALIZED (SELECT path, pg_catalog.row_number() OVER (ORDER BY path) AS place FROM node
             WHERE hit AND value NOT IN ('null', '""', '{}', '[]', 'true', 'false')),
    step (place, value) AS (
      SELECT 0::pg_catalog.int8, whole.value FROM whole
      UNION ALL
      SELECT hit.place, pg_catalog.jsonb_set(step.value, hit.path, '"masked"') FROM step JOIN hit ON hit.place = step.place + 1)
    SELECT step.value FROM step ORDER BY step.place DESC LIMIT 1)`;
}

const wholeNumber = /^\s*[0-9]+\s*$/;

export const maskFunctions: Readonly<Record<string, MaskFunction>> = {
  hash: {
    usage: 'mask.hash(value, length)',
    least: 1,
    most: 2,
    keyed: true,
    expand: ([value = '', length = '32']) =>
      wholeNumber.test(length) && Number(length) >= 1 && Number(length) <= 64
        ? digits(value, Number(length))
        : undefined,
    longest: ([, length = '32']) => `'${'f'.repeat(Number(length))}'`,
  },
  email: text('mask.email(value)', 'user-', 16, '@example.invalid'),
  username: text('mask.username(value)', 'user-', 16),
  name: text('mask.name(value)', 'Name ', 16),
  text: text('mask.text(value)', 'masked ', 16),
  phone: {
    usage: 'mask.phone(value)',
    least: 1,
    most: 1,
    keyed: true,
    expand: ([value = '']) =>
      unlessEmpty(
        value,
        `'+999' || pg_catalog.lpad((${numberOf(value)} % 10000000000)::pg_catalog.text, 10, '0')`,
      ),
    longest: () => `'+9999999999999'`,
  },
  number: {
    usage: 'mask.number(value, below)',
    least: 2,
    most: 2,
    keyed: true,
    expand: ([value = '', below = '']) => `(${numberOf(value)} % (${below})::pg_catalog.int8)`,
  },
  uuid: {
    usage: 'mask.uuid(value)',
    least: 1,
    most: 1,
    keyed: true,
    expand: ([value = '']) => `(${digits(value, 32)})::pg_catalog.uuid`,
  },
  ip: {
    usage: 'mask.ip(value)',
    least: 1,
    most: 1,
    keyed: true,
    expand: ([value = '']) => {
      const address = `(${value})::pg_catalog.text::pg_catalog.inet`;
      const four = [0, 1, 2].map((place) => `${octet(value, place)}::pg_catalog.text`).join(` || '.' || `);
      const six = `'fd' || pg_catalog.regexp_replace(${digits(value, 30)}, '^(..)(.{4})(.{4})(.{4})(.{4})(.{4})(.{4})(.{4})$', '\\1:\\2:\\3:\\4:\\5:\\6:\\7:\\8')`;
      return `pg_catalog.set_masklen((CASE pg_catalog.family(${address}) WHEN 4 THEN '10.' || ${four} ELSE ${six} END)::pg_catalog.inet, pg_catalog.masklen(${address}))`;
    },
  },
  json: {
    usage: "mask.json(value, 'keys')",
    least: 1,
    most: 2,
    keyed: false,
    expand: ([value = '', pattern = `'${secretKeys}'`]) => blankedJson(value, pattern),
  },
};

function numberOf(value: string): string {
  return `('x' || ${digits(value, 15)})::pg_catalog.bit(60)::pg_catalog.int8`;
}
