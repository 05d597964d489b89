import { basename } from 'node:path';
import { isMap, isScalar, LineCounter, type Pair, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type Problem, refuseProblems } from './errors.ts';
import { ProfileFile, type Switch } from './format.ts';

/** A profile's text, and what messages call it. */
export interface ProfileText {
  readonly name: string;
  readonly text: string;
}

/** One rule, the smallest thing that a later rule can take the place of. */
export interface Rule {
  /** A pattern as pg_dump's options take it. */
  readonly table: string;
  readonly optional: boolean;
  /** null: rows, or the exception, are what the rule is about. */
  readonly column: string | null;
  readonly about: 'rows' | 'referring' | 'except' | 'column' | 'table';
  readonly text: string;
  readonly place: string;
}

export interface StatementRule {
  readonly sql: string;
  readonly requires: readonly string[];
  readonly place: string;
}

/** Rules that hold under conditions. */
export interface Section {
  readonly switches: Readonly<Record<string, Switch>>;
  readonly has: readonly string[];
  readonly lacks: readonly string[];
  readonly rules: readonly Rule[];
  readonly statements: readonly StatementRule[];
}

/** What texts that extend one another come to. */
export interface Profile {
  readonly name: string;
  readonly switches: Readonly<Record<string, Switch>>;
  /** In the order in which they apply: a later rule takes the place of an earlier one about the same thing. */
  readonly sections: readonly Section[];
  /** Columns that refer to files in the media directory: `table.column`. */
  readonly files: readonly string[];
  /** Patterns of media that stay out. */
  readonly excludeMedia: readonly string[];
}

/** Switches that every profile has: who can log in afterwards. */
const everyProfiles: Readonly<Record<string, Switch>> = { keep_admin: null, staging_admin: null };

/**
 * Puts a profile together.
 * @param texts the one that is extended first
 * @param switches values that a caller gives; the profile must have these switches
 * @throws BadProfile with everything that is wrong, by file, line and column
 */
export function readProfile(
  texts: readonly ProfileText[],
  switches: Readonly<Record<string, Switch>> = {},
): Profile {
  const read = texts.map(readText);
  const problems = read.flatMap((each) => each.problems);
  const known: Record<string, Switch> = { ...everyProfiles };
  for (const { file } of read) Object.assign(known, file?.switches);
  for (const name of Object.keys(switches))
    if (!(name in known))
      problems.push({ place: texts.at(-1)?.name ?? 'the profile', what: `it has no switch ${name}` });
  for (const { sections } of read)
    for (const section of sections)
      for (const name of Object.keys(section.switches))
        if (!(name in known)) problems.push({ place: section.place, what: `no switch is called ${name}` });
  refuseProblems(problems, 'nothing was done');
  return {
    name: basename(texts.at(-1)?.name ?? ''),
    switches: { ...known, ...switches },
    sections: read.flatMap(({ sections }) => sections),
    files: read.flatMap(({ file }) => file?.files ?? []),
    excludeMedia: read.flatMap(({ file }) => file?.media.exclude ?? []),
  };
}

/** What a text says it extends; undefined also where it can't be read, which `readProfile` tells. */
export function extendedBy({ text }: ProfileText): string | undefined {
  const value: unknown = parseDocument(text).get('extends');
  return typeof value === 'string' ? value : undefined;
}

/** Does it mask by a key, as far as that shows without tables? */
export function usesKey({ sections, switches }: Profile): boolean {
  const keyed = /\bmask\s*\.\s*(?!json\b)[a-z]/i;
  return sections
    .filter((section) => Object.entries(section.switches).every(([name, is]) => switches[name] === is))
    .some(
      ({ rules, statements }) =>
        rules.some(({ text }) => keyed.test(text)) || statements.some(({ sql }) => keyed.test(sql)),
    );
}

interface ReadText {
  readonly file: ProfileFile | undefined;
  readonly sections: readonly (Section & { readonly place: string })[];
  readonly problems: Problem[];
}

function readText({ name, text }: ProfileText): ReadText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    place: at(pos[0]),
    what: `not YAML: ${message}`,
  }));
  if (problems.length > 0) return { file: undefined, sections: [], problems };
  const placeOf = (path: readonly PropertyKey[]) => at(offsetOf(document.contents, path));
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // An alias without an anchor, or a great many of them
    return { file: undefined, sections: [], problems: [{ place: at(0), what: (error as Error).message }] };
  }
  const parsed = ProfileFile.safeParse(value);
  if (!parsed.success)
    return {
      file: undefined,
      sections: [],
      problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, placeOf)),
    };
  const file = parsed.data;
  const bare = { switches: {}, has: [], lacks: [] };
  return {
    file,
    problems,
    sections: [
      { ...bare, ...rulesOf(file, [], placeOf), place: placeOf([]) },
      ...file.when.map((when, index) => ({
        switches: when.switches,
        has: when.has,
        lacks: when.lacks,
        ...rulesOf(when, ['when', index], placeOf),
        place: placeOf(['when', index]),
      })),
    ],
  };
}

type PlaceOf = (path: readonly PropertyKey[]) => string;

function rulesOf(
  { tables, statements }: Pick<ProfileFile, 'tables' | 'statements'>,
  above: readonly PropertyKey[],
  placeOf: PlaceOf,
): Pick<Section, 'rules' | 'statements'> {
  const rules = Object.entries(tables).flatMap(
    ([table, { optional, rows, referring, except, columns }]): Rule[] => {
      const path = [...above, 'tables', table];
      const rule = (about: Rule['about'], text: string, ...below: string[]): Rule => {
        return { table, optional, column: null, about, text, place: placeOf([...path, ...below]) };
      };
      return [
        rule('table', ''),
        ...(rows === undefined ? [] : [rule('rows', rows, 'rows')]),
        ...(referring === undefined ? [] : [rule('referring', referring, 'referring')]),
        ...(except === undefined ? [] : [rule('except', except, 'except')]),
        ...Object.entries(columns).map(([column, { to, optional: may }]) => ({
          ...rule('column', to, 'columns', column),
          column,
          optional: optional || may,
        })),
      ];
    },
  );
  return {
    rules,
    statements: statements.map((statement, index) => ({
      ...statement,
      place: placeOf([...above, 'statements', index]),
    })),
  };
}

/** One problem for each thing: a union says what is wrong with each of its kinds, of which one was meant. */
function problemsOf(issue: z.core.$ZodIssue, placeOf: PlaceOf): Problem[] {
  const field = issue.path.map(String).join('.') || 'the profile';
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      place: placeOf([...issue.path, key]),
      what: `${field} has no field ${JSON.stringify(key)}`,
    }));
  if (issue.code === 'invalid_union') {
    // The kind that came furthest is the one that was meant
    const kinds = issue.errors.map((kind) => kind.flatMap(innermost));
    const meant = kinds.find((kind) =>
      kind.some(({ path, code }) => path.length > 0 || code === 'unrecognized_keys' || code === 'too_small'),
    );
    if (meant)
      return meant.flatMap((inner) =>
        problemsOf({ ...inner, path: [...issue.path, ...inner.path] } as z.core.$ZodIssue, placeOf),
      );
  }
  return [{ place: placeOf(issue.path), what: `${field}: ${issue.message}` }];
}

function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const inner = issue.errors.flat().flatMap(innermost);
  return inner
    .filter(({ code }) => code === 'too_small')
    .concat(issue)
    .slice(0, 1);
}

/** Where in the text what a path leads to is written; its key where it is an entry of a map. */
function offsetOf(contents: unknown, path: readonly PropertyKey[]): number {
  let node = contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => keyOf(item) === String(step));
      if (!pair) return offset;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
    } else {
      const items = (node as { items?: unknown[] } | null)?.items;
      node = items?.[Number(step)];
      offset = startOf(node) ?? offset;
    }
  }
  return offset;
}

function keyOf({ key }: Pair<unknown, unknown>): string {
  return String(isScalar(key) ? key.value : key);
}

function startOf(node: unknown): number | undefined {
  const range = (node as { range?: [number, number, number] | null } | null | undefined)?.range;
  return range?.[0];
}
