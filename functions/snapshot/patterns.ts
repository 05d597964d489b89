import { BadPattern, PatternMatchesNothing } from './errors.ts';

/** What a pattern is held against. */
export interface Named {
  readonly schema: string;
  readonly name: string;
  /** On the role's search path; a pattern without a schema means these only. Undefined counts as true. */
  readonly visible?: boolean;
}

export interface Pattern {
  readonly text: string;
  readonly schema: RegExp | undefined;
  readonly name: RegExp;
}

/**
 * Reads one pattern of psql's and pg_dump's language (PostgreSQL manual, psql, "Patterns"): `*` and `?`, a dot between
 * schema and name, capitals folded and regular expressions outside double quotes, everything literal within them.
 * @param database where given, `database.schema.name` is understood as well and must name it
 * @throws BadPattern
 */
export function readPattern(text: string, database?: string): Pattern {
  const parts = splitPattern(text);
  if (parts.length > 3)
    throw new BadPattern(
      `"${text}": too many dots; write schema.table, with quotes around names that hold dots`,
    );
  const [name = '', schema, catalog] = parts.reverse();
  if (name === '') throw new BadPattern(`"${text}" names no table; write table or schema.table`);
  if (catalog !== undefined && (database === undefined || !expression(catalog, text).test(database)))
    throw new BadPattern(`"${text}" names another database; write schema.table`);
  return {
    text,
    schema: schema === undefined || schema === '' ? undefined : expression(schema, text),
    name: expression(name, text),
  };
}

export function matches(pattern: Pattern, relation: Named): boolean {
  if (!pattern.name.test(relation.name)) return false;
  return pattern.schema === undefined ? relation.visible !== false : pattern.schema.test(relation.schema);
}

/**
 * The relations that match at least one of the patterns, in their own order.
 * @param option what a person wrote the patterns after, for messages: `--exclude-table`
 * @throws BadPattern, PatternMatchesNothing for the first pattern that matches none, with names that are close to it
 */
export function matchPatterns<T extends Named>(
  patterns: readonly string[],
  relations: readonly T[],
  option: string,
  database?: string,
): T[] {
  const matched = new Set<T>();
  for (const text of patterns) {
    const pattern = readPattern(text, database);
    const found = relations.filter((relation) => matches(pattern, relation));
    if (found.length === 0) throw new PatternMatchesNothing(sayNothing(option, pattern, relations));
    for (const relation of found) matched.add(relation);
  }
  return relations.filter((relation) => matched.has(relation));
}

/** The pattern that means exactly this relation, for pg_dump's options. */
export function exactPattern(schema: string, name: string): string {
  const quoted = (part: string) => `"${part.replaceAll('"', '""')}"`;
  return `${quoted(schema)}.${quoted(name)}`;
}

/** Characters that mean something in a regular expression, `$` aside, which never does in a pattern. */
const special = /[|*+?()[\]{}.^\\]/;

/** Cuts at dots outside quotes, and turns each part into the source of a regular expression. */
function splitPattern(text: string): string[] {
  const parts = [''];
  let quoted = false;
  const add = (source: string) => parts.push(`${parts.pop()}${source}`);
  const characters = [...text];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    const next = characters[at + 1];
    if (character === '"' && quoted && next === '"') {
      add('"');
      at++;
    } else if (character === '"') quoted = !quoted;
    else if (character === '$') add('\\$');
    else if (quoted) add(special.test(character) ? `\\${character}` : character);
    else if (character === '.') parts.push('');
    else if (character === '*') add('.*');
    else if (character === '?') add('.');
    else if (character === '[' && next === ']') add('\\[');
    else add(character.replace(/[A-Z]/, (capital) => capital.toLowerCase()));
  }
  if (quoted) throw new BadPattern(`"${text}": a double quote is not closed`);
  return parts;
}

/** POSIX classes of PostgreSQL's expressions, in JavaScript's words. */
const classes: Record<string, string> = {
  alpha: '\\p{L}',
  digit: '\\p{Nd}',
  alnum: '\\p{L}\\p{Nd}',
  upper: '\\p{Lu}',
  lower: '\\p{Ll}',
  space: '\\s',
  blank: ' \\t',
  punct: '\\p{P}\\p{S}',
  xdigit: '0-9A-Fa-f',
};

function expression(source: string, pattern: string): RegExp {
  const translated = source.replace(/\[:([a-z]+):\]/g, (whole, name: string) => classes[name] ?? whole);
  for (const flags of ['su', 's']) {
    try {
      return new RegExp(`^(?:${translated})$`, flags);
    } catch {
      // Unicode mode refuses escapes that PostgreSQL takes: once more without it
    }
  }
  throw new BadPattern(
    `"${pattern}" can't be read as a pattern: brackets and braces mean a regular expression; put the name in double quotes`,
  );
}

function sayNothing(option: string, pattern: Pattern, relations: readonly Named[]): string {
  const hidden = relations.filter(
    (relation) => pattern.schema === undefined && pattern.name.test(relation.name),
  );
  const close = hidden.length > 0 ? hidden.slice(0, 3).map(fullName) : closeNames(pattern.text, relations);
  const hint = close.length === 0 ? '' : `; is it ${close.join(', ')}?`;
  return `${option} "${pattern.text}" matches no table${hint}`;
}

function fullName({ schema, name }: Named): string {
  return `${schema}.${name}`;
}

/** Up to three names that differ from the pattern in a few letters, the closest first. */
function closeNames(text: string, relations: readonly Named[]): string[] {
  const wanted = text.replaceAll('"', '').toLowerCase();
  const qualified = wanted.includes('.');
  return relations
    .map((relation) => {
      const name = (qualified ? fullName(relation) : relation.name).toLowerCase();
      const distance = name.includes(wanted) && wanted.length > 3 ? 1 : editDistance(wanted, name);
      return { label: relation.visible === false ? fullName(relation) : relation.name, distance };
    })
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 4))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ label }) => label);
}

/** Letters to insert, delete or replace (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
