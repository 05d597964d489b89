/**
 * Follows SQL text far enough to know whether a place is between two statements: quotes, dollar quotes, comments
 * (PostgreSQL manual, "Lexical Structure"). A BEGIN ATOMIC body counts as several statements.
 */
export class SqlPosition {
  /** What is open: a quote, a dollar quote's tag, `/*` as often as it is nested, `--`. */
  #inside: string | undefined;
  #commentDepth = 0;
  #escapes = false;
  #statement = false;

  get betweenStatements(): boolean {
    return !this.#statement && this.#inside === undefined;
  }

  advance(text: string): void {
    let at = 0;
    while (at < text.length)
      at = this.#inside === undefined ? this.#outside(text, at) : this.#within(text, at);
  }

  #outside(text: string, at: number): number {
    const token =
      /\s+|--[^\n]*|\/\*|[eE]'|'|"|;|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[\w\u0080-\uffff][\w$\u0080-\uffff]*|./suy;
    token.lastIndex = at;
    const found = token.exec(text)?.[0] ?? text.charAt(at);
    if (found === '/*') {
      this.#inside = '*/';
      this.#commentDepth = 1;
    } else if (found === ';') {
      this.#statement = false;
    } else if (found.trim() !== '' && !found.startsWith('--')) {
      this.#statement = true;
      if (/^([eE]?'|"|\$.*\$)$/su.test(found)) {
        this.#escapes = found.length === 2 && found.endsWith("'");
        this.#inside = found.endsWith("'") ? "'" : found;
      }
    }
    return at + found.length;
  }

  #within(text: string, at: number): number {
    if (this.#inside === '*/') return this.#comment(text, at);
    const close = this.#inside ?? '';
    let end = text.indexOf(close, at);
    while (this.#escapes && end >= 0 && backslashesBefore(text, at, end) % 2 === 1) {
      end = text.indexOf(close, end + 1);
    }
    if (end < 0) return text.length;
    // A doubled quote opens again at once, which comes to the same; but it keeps its escapes.
    const after = end + close.length;
    if (close === "'" && text.startsWith("'", after)) return after + 1;
    this.#inside = undefined;
    return after;
  }

  #comment(text: string, at: number): number {
    const mark = /\/\*|\*\//g;
    mark.lastIndex = at;
    const found = mark.exec(text);
    if (found === null) return text.length;
    this.#commentDepth += found[0] === '/*' ? 1 : -1;
    if (this.#commentDepth === 0) this.#inside = undefined;
    return mark.lastIndex;
  }
}

function backslashesBefore(text: string, from: number, at: number): number {
  let count = 0;
  while (at - 1 - count >= from && text[at - 1 - count] === '\\') count++;
  return count;
}
