/** One statement's place in a text, in UTF-16 units: from its first token up to, not including, its semicolon. */
export interface Cut {
  readonly start: number;
  readonly end: number;
}

/**
 * What matters to where a statement ends: quotes, dollar quotes, comments, parentheses, words and semicolons. A dollar
 * quote's tag is a word without digits in front; letters are ASCII ones, `_` and everything beyond ASCII (scan.l).
 */
const token =
  /--[^\n\r]*|\/\*|(?:[eE])?'|"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$?\d[\w$]*|[();]|[^\s]/g;

const endOfEscapeString = /\\[\s\S]|''|'/g;
const endOfComment = /\/\*|\*\//g;

/**
 * Finds where statements begin and end, as psql does (psqlscan.l): a semicolon inside quotes, comments, parentheses or
 * the `BEGIN ATOMIC … END` of a function's body ends nothing. Expects `standard_conforming_strings`. Never throws: an
 * unclosed quote runs to the end of the text, and PostgreSQL's parser has the last word.
 */
export function cutStatements(sql: string): Cut[] {
  const cuts: Cut[] = [];
  const scan = new RegExp(token);
  let start = -1;
  let parentheses = 0;
  let words: string[] = [];
  let blocks = 0;
  let previousWord = '';

  for (let match = scan.exec(sql); match; match = scan.exec(sql)) {
    const text = match[0];
    const at = match.index;
    if (text.startsWith('--')) continue;
    if (text === '/*') {
      scan.lastIndex = skipComment(sql, scan.lastIndex);
      continue;
    }
    if (text === ';' && parentheses === 0 && blocks === 0) {
      if (start >= 0) cuts.push({ start, end: at });
      start = -1;
      words = [];
      previousWord = '';
      continue;
    }
    if (start < 0) start = at;
    if (isWord(text)) {
      const word = text.toLowerCase();
      if (words.length < 4) words.push(word);
      if (parentheses === 0 && makesRoutine(words)) blocks += blockChange(word, previousWord, blocks);
      previousWord = word;
      continue;
    }
    previousWord = '';
    if (text === '(') parentheses++;
    else if (text === ')') parentheses = Math.max(0, parentheses - 1);
    else scan.lastIndex = skipQuoted(sql, text, scan.lastIndex);
  }
  if (start >= 0) cuts.push({ start, end: sql.length });
  return cuts;
}

function isWord(text: string): boolean {
  return /^[A-Za-z_\u0080-\uffff]/.test(text) && !text.endsWith("'");
}

function makesRoutine(words: readonly string[]): boolean {
  if (words[0] !== 'create') return false;
  const what = words[1] === 'or' && words[2] === 'replace' ? words[3] : words[1];
  return what === 'function' || what === 'procedure';
}

/** BEGIN and END are ordinary words elsewhere (`CREATE FUNCTION public.begin()`), CASE has an END of its own. */
function blockChange(word: string, previousWord: string, blocks: number): number {
  if (word === 'atomic' && previousWord === 'begin') return 1;
  if (blocks === 0) return 0;
  if (word === 'case') return 1;
  return word === 'end' ? -1 : 0;
}

/** @returns where the quoted text that has just begun with `opening` is over */
function skipQuoted(sql: string, opening: string, from: number): number {
  if (opening === '"') return skipDoubled(sql, '"', from);
  if (opening === "'") return skipDoubled(sql, "'", from);
  if (opening.endsWith("'")) return skipEscapeString(sql, from);
  if (opening.startsWith('$') && opening.endsWith('$')) {
    const end = sql.indexOf(opening, from);
    return end < 0 ? sql.length : end + opening.length;
  }
  return from;
}

/** A doubled quote is one of the text. */
function skipDoubled(sql: string, quote: string, from: number): number {
  let at = from;
  for (;;) {
    const end = sql.indexOf(quote, at);
    if (end < 0) return sql.length;
    if (sql[end + 1] !== quote) return end + 1;
    at = end + 2;
  }
}

function skipEscapeString(sql: string, from: number): number {
  const scan = new RegExp(endOfEscapeString);
  scan.lastIndex = from;
  for (let match = scan.exec(sql); match; match = scan.exec(sql)) if (match[0] === "'") return scan.lastIndex;
  return sql.length;
}

/** Comments nest. */
function skipComment(sql: string, from: number): number {
  const scan = new RegExp(endOfComment);
  scan.lastIndex = from;
  let depth = 1;
  for (let match = scan.exec(sql); match; match = scan.exec(sql)) {
    depth += match[0] === '/*' ? 1 : -1;
    if (depth === 0) return scan.lastIndex;
  }
  return sql.length;
}
