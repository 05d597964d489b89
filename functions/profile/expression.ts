import '../definitions/webassembly.ts';
import { parse, scan } from 'libpg-query';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Switch } from './format.ts';
import { maskFunctions } from './mask-functions.ts';

/** What stands for calls that only a profile knows. */
export interface ExpansionContext {
  readonly switches: Readonly<Record<string, Switch>>;
  /** ISO 8601: the moment that the backup shows. */
  readonly backupTime: string;
}

export interface Expanded {
  readonly sql: string;
  /** The same with constants of the greatest length in place of masks, so that a plan alone finds what is too long. */
  readonly longest: string;
  /** Some mask depends on the key. */
  readonly keyed: boolean;
}

/** An expression or statement that can't be used; the message says why. */
export class NotUsable extends Error {}

interface Token {
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly kind: string;
}

/**
 * Puts SQL in the place of `mask.<name>(…)`, `switch('name')` and `backup_time()`.
 * @throws NotUsable
 */
export async function expand(text: string, context: ExpansionContext): Promise<Expanded> {
  const bytes = Buffer.from(text);
  const { tokens } = await scan(text).catch(() => {
    throw new NotUsable('it is not SQL: a quote or a comment is not closed');
  });
  const all = tokens
    .filter(({ tokenName }) => tokenName !== 'SQL_COMMENT' && tokenName !== 'C_COMMENT')
    .map(({ start, end, tokenName }): Token => {
      return { text: bytes.toString('utf8', start, end), start, end, kind: tokenName };
    });
  return new Expansion(bytes, all, context).run();
}

class Expansion {
  readonly #bytes: Buffer;
  readonly #tokens: readonly Token[];
  readonly #context: ExpansionContext;
  #keyed = false;

  constructor(bytes: Buffer, tokens: readonly Token[], context: ExpansionContext) {
    this.#bytes = bytes;
    this.#tokens = tokens;
    this.#context = context;
  }

  run(): Expanded {
    const range = [0, this.#tokens.length] as const;
    const sql = this.#range(...range, false);
    return { sql, longest: this.#range(...range, true), keyed: this.#keyed };
  }

  /** Tokens `from` up to `to`, with what is between them. */
  #range(from: number, to: number, longest: boolean): string {
    const first = this.#tokens[from];
    if (!first || from >= to) return '';
    let sql = '';
    let copied = first.start;
    for (let at = from; at < to; ) {
      const call = this.#callAt(at, to);
      if (!call) {
        at++;
        continue;
      }
      const start = this.#tokens[at]?.start ?? 0;
      sql += this.#bytes.toString('utf8', copied, start) + this.#expansion(call, longest);
      copied = this.#tokens[call.end - 1]?.end ?? start;
      at = call.end;
    }
    return sql + this.#bytes.toString('utf8', copied, this.#tokens[to - 1]?.end ?? copied);
  }

  #text(at: number): string | undefined {
    return this.#tokens[at]?.text;
  }

  #callAt(at: number, to: number): Call | undefined {
    // A longer name's end: public.mask.hash, t.switch
    if (this.#text(at - 1) === '.') return undefined;
    const isMask = this.#text(at)?.toLowerCase() === 'mask' && this.#text(at + 1) === '.';
    const name = this.#text(isMask ? at + 2 : at)?.toLowerCase() ?? '';
    if (!isMask && name !== 'switch' && name !== 'backup_time') return undefined;
    const open = isMask ? at + 3 : at + 1;
    if (this.#text(open) !== '(') return undefined;
    let depth = 0;
    let begin = open + 1;
    const values: (readonly [number, number])[] = [];
    for (let end = open; end < to; end++) {
      const text = this.#text(end);
      if (text === '(' || text === '[') depth++;
      if (text === ')' || text === ']') depth--;
      if (depth === 0 || (depth === 1 && text === ',')) {
        if (end > begin || text === ',') values.push([begin, end]);
        begin = end + 1;
      }
      if (depth === 0) return { name: isMask ? `mask.${name}` : name, values, end: end + 1 };
    }
    throw new NotUsable(`the parenthesis after ${name} is not closed`);
  }

  #expansion({ name, values }: Call, longest: boolean): string {
    if (name === 'backup_time') {
      if (values.length > 0) throw new NotUsable('backup_time() takes no value');
      return `${quoteLiteral(this.#context.backupTime)}::pg_catalog.timestamptz`;
    }
    if (name === 'switch') return this.#switch(values);
    const known = maskFunctions[name.slice('mask.'.length)];
    if (!known)
      throw new NotUsable(
        `there is no ${name}; there are ${Object.values(maskFunctions)
          .map(({ usage }) => usage)
          .join(', ')}`,
      );
    if (values.length < known.least || values.length > known.most)
      throw new NotUsable(`${name} is used as ${known.usage}`);
    // A comment at the end of a value must not swallow what follows
    const texts = values.map(([from, to]) => this.#range(from, to, longest));
    const sql = (longest ? known.longest?.(texts) : undefined) ?? known.expand(texts);
    if (sql === undefined)
      throw new NotUsable(`${name} is used as ${known.usage}, with a length from 1 to 64`);
    this.#keyed ||= known.keyed;
    return `(${sql})`;
  }

  #switch(values: Call['values']): string {
    const [from = 0, to = 0] = values[0] ?? [];
    const name = /^'([a-z0-9_]+)'$/.exec(this.#text(from) ?? '')?.[1];
    if (values.length !== 1 || to - from !== 1 || name === undefined)
      throw new NotUsable("switch is used as switch('name')");
    const value = this.#context.switches[name];
    if (value === undefined) throw new NotUsable(`the profile has no switch ${name}`);
    if (value === null) return 'NULL';
    return typeof value === 'string' ? `${quoteLiteral(value)}::pg_catalog.text` : String(value);
  }
}

interface Call {
  readonly name: string;
  /** Ranges of tokens. */
  readonly values: readonly (readonly [number, number])[];
  /** The token after it. */
  readonly end: number;
}

/** What an expression is made of, as far as it matters here. */
export interface Anatomy {
  /** Functions called, as `schema.name` or `name`, with how many values. */
  readonly functions: readonly { readonly name: string; readonly values: number }[];
  readonly operators: readonly string[];
  readonly columns: readonly string[];
  /** It is the constant NULL. */
  readonly isNull: boolean;
}

const timeWords = /^\s*(now|today|tomorrow|yesterday)\s*$/i;

/**
 * Reads an expression as it is written in a profile.
 * @throws NotUsable when it isn't one expression, looks at other rows, or at the time that it is
 */
export async function dissect(text: string): Promise<Anatomy> {
  const select = await singleExpression(text);
  const functions: { name: string; values: number }[] = [];
  const operators: string[] = [];
  const columns: string[] = [];
  visit(select.target, (kind, node) => {
    if (kind === 'SubLink' || kind === 'SelectStmt')
      throw new NotUsable('it looks at other rows; what does belongs into a statement');
    if (kind === 'ParamRef') throw new NotUsable('it has a parameter ($1)');
    if (kind === 'SQLValueFunction')
      throw new NotUsable('it depends on the time or the session; backup_time() is the time of the backup');
    if (kind === 'FuncCall') {
      if (node.over) throw new NotUsable('it is a window function, which looks at other rows');
      const name = (node.funcname ?? []).map(wordOf).join('.');
      functions.push({ name, values: (node.args ?? []).length });
    }
    if (kind === 'A_Const' && timeWords.test(node.sval?.sval ?? ''))
      throw new NotUsable(
        `'${node.sval.sval}' may mean the time that it is; backup_time() is the time of the backup`,
      );
    if (kind === 'A_Expr') operators.push(...(node.name ?? []).slice(-1).map(wordOf));
    if (kind === 'ColumnRef') columns.push((node.fields ?? []).map(wordOf).join('.'));
  });
  return { functions, operators, columns, isNull: select.target?.A_Const?.isnull === true };
}

// biome-ignore lint/suspicious/noExplicitAny: parse trees have hundreds of shapes
type Tree = any;

async function singleExpression(text: string): Promise<{ readonly target: Tree }> {
  let statements: Tree[];
  try {
    statements = (await parse(`SELECT (${text}\n)`)).stmts ?? [];
  } catch (error) {
    throw new NotUsable(`it is not SQL: ${(error as Error).message}`);
  }
  const select = statements[0]?.stmt?.SelectStmt;
  const targets = select?.targetList ?? [];
  const others = Object.keys(select ?? {}).filter(
    (key) => !['targetList', 'limitOption', 'op'].includes(key),
  );
  if (statements.length !== 1 || targets.length !== 1 || others.length > 0 || targets[0].ResTarget?.name)
    throw new NotUsable('it is not one expression');
  const target = targets[0].ResTarget?.val;
  if (target?.RowExpr) throw new NotUsable('it is not one expression but several');
  return { target };
}

function visit(tree: Tree, see: (kind: string, node: Tree) => void): void {
  if (Array.isArray(tree)) for (const item of tree) visit(item, see);
  else if (tree !== null && typeof tree === 'object')
    for (const [key, value] of Object.entries(tree)) {
      if (/^[A-Z]/.test(key)) see(key, value);
      visit(value, see);
    }
}

function wordOf(node: Tree): string {
  return node.String?.sval ?? (node.A_Star ? '*' : '');
}
