import type { ParseTree } from './statements.ts';

/** Text of a statement after its secrets are gone, and the names of the options in it. */
export interface CheckedOptions {
  readonly text: string;
  readonly takenOut: readonly string[];
  readonly kept: readonly string[];
}

const secretName =
  /pass(word|wd|phrase)?|pwd|secret|token|credential|private|auth(?!or)|(access|api|account|shared|signing|encryption|storage)[_-]?key/i;
const secretValue =
  /:\/\/[^\s/@]*:[^\s@]+@|(pass(word|wd)?|pwd|secret|token|api[_-]?key)\s*[=:]|\s-u\s*\S+:\S|authorization|\bbearer\b/i;

/**
 * Takes options whose name or value looks like a secret out of the definition of a foreign-data wrapper, server or
 * foreign table. Other options stay: wrappers refuse definitions without the ones they need.
 * @param options the DefElem nodes of the statement's one OPTIONS list
 */
export function withoutSecretOptions(text: string, options: readonly ParseTree[]): CheckedOptions {
  const names = options.map(({ DefElem }) => String(DefElem.defname));
  const secret = options.map(({ DefElem }) =>
    isSecret(DefElem.defname, String(DefElem.arg?.String?.sval ?? '')),
  );
  return {
    text: secret.includes(true) ? rewriteList(text, options[0]?.DefElem.location ?? 0, secret) : text,
    takenOut: names.filter((_, index) => secret[index]),
    kept: names.filter((_, index) => !secret[index]),
  };
}

function isSecret(name: string, value: string): boolean {
  return secretName.test(name) || secretValue.test(value);
}

const item =
  /\s*((?:"(?:[^"]|"")*"|[^\s"',()]+)\s+(?:[Ee]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'))\s*(?:,|\))/y;

/** Writes `OPTIONS ( … )` with some of its items; without items it goes as a whole. */
function rewriteList(text: string, firstByte: number, leaveOut: readonly boolean[]): string {
  // The parser counts bytes of UTF-8
  const open = text.lastIndexOf('(', Buffer.from(text).subarray(0, firstByte).toString().length);
  const scan = new RegExp(item);
  scan.lastIndex = open + 1;
  const items = leaveOut.map((leave) => {
    const match = scan.exec(text);
    if (!match) throw new TypeError('an OPTIONS list has another form than the parser says');
    return leave ? undefined : (match[1] as string);
  });
  const rest = text.slice(scan.lastIndex);
  const kept = items.filter((text) => text !== undefined);
  if (kept.length > 0) return `${text.slice(0, open)}(\n    ${kept.join(',\n    ')}\n)${rest}`;
  return text.slice(0, open).replace(/\s*OPTIONS\s*$/i, '') + rest;
}
