import { isUtf8 } from 'node:buffer';
import { BadMediaPattern } from './errors.ts';
import { fromLatin1 } from './path.ts';

/**
 * Makes out of patterns a question to ask of a path (relative to the media directory, as latin1): is it, or a folder
 * that it is in, what one of them names? Patterns are relative to the media directory, too. `*` and `?` stand for
 * characters of a name, `**` for any folders, `[…]` for one of some characters, a backslash before a character for
 * itself. A pattern without a slash (but at its end) is about names in every folder, as in .gitignore.
 * @throws BadMediaPattern
 */
export function matchMedia(patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const expressions = patterns.map(expressionOf);
  return (path) => {
    if (path === '') return false;
    const text = textOf(path);
    return expressions.some((expression) => expression.test(text));
  };
}

/** Names that are no UTF-8 are matched byte by byte. */
function textOf(path: string): string {
  const bytes = fromLatin1(path);
  return isUtf8(bytes) ? bytes.toString('utf8') : path;
}

function expressionOf(pattern: string): RegExp {
  const inner = pattern.replace(/^\//, '').replace(/\/$/, '');
  const anchored = pattern.startsWith('/') || inner.includes('/');
  const segments = inner.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..'))
    throw new BadMediaPattern(
      `${JSON.stringify(pattern)} is no pattern of media: write it relative to the media directory, as in devicetype-images/*.png`,
    );
  const parts = segments.map((segment, index) => {
    const last = index === segments.length - 1;
    if (segment === '**') return last ? '.+' : '(?:[^/]+/)*';
    return `${segmentExpression(segment, pattern)}${last ? '' : '/'}`;
  });
  return new RegExp(`^${anchored ? '' : '(?:.*/)?'}${parts.join('')}(?:/.*)?$`, 'su');
}

function segmentExpression(segment: string, pattern: string): string {
  let expression = '';
  for (let at = 0; at < segment.length; at++) {
    const character = segment[at] ?? '';
    if (character === '*') expression += '[^/]*';
    else if (character === '?') expression += '[^/]';
    else if (character === '\\' && at + 1 < segment.length) expression += literal(segment[++at] ?? '');
    else if (character === '[') {
      const end = segment.indexOf(']', at + 2);
      if (end < 0)
        throw new BadMediaPattern(
          `${JSON.stringify(pattern)} has a [ without its ]; write \\[ for the character itself`,
        );
      expression += characterClass(segment.slice(at + 1, end));
      at = end;
    } else expression += literal(character);
  }
  return expression;
}

/** `[a-z]`, `[!a-z]` */
function characterClass(inside: string): string {
  const not = /^[!^]/.test(inside);
  const characters = (not ? inside.slice(1) : inside).replace(/[\\\][^]/g, '\\$&');
  return `(?!/)[${not ? '^' : ''}${characters}]`;
}

function literal(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
