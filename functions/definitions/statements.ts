import './webassembly.ts';
import { type Node, parse, type RawStmt } from 'libpg-query';
import { type Cut, cutStatements } from './cut-statements.ts';
import { DefinitionsFailed } from './errors.ts';

export interface Statement {
  /** UTF-16 offsets in the text: its first token, and its semicolon (or the text's end). */
  readonly start: number;
  readonly end: number;
  /** Without the semicolon and without the comments before it. */
  readonly text: string;
  /** PostgreSQL's name for it: `CreateStmt`, `IndexStmt`, `AlterTableStmt`, … */
  readonly kind: string;
}

/** A parse tree's root without the key that names its kind. */
// biome-ignore lint/suspicious/noExplicitAny: parse trees have hundreds of shapes; each reader names the fields it knows
export type ParseTree = Record<string, any>;

/** UTF-16 units that are parsed at once: parse trees are some thirty times the text and are dropped after each batch. */
const batchLength = 64 * 1024;

/**
 * Splits SQL text into statements, with exact places and PostgreSQL's own names for their kinds.
 * @throws DefinitionsFailed naming a statement that PostgreSQL's parser doesn't take for exactly one statement
 */
export function splitStatements(sql: string): Promise<Statement[]> {
  return readStatements(sql, (statement) => statement);
}

/**
 * Reads SQL text statement by statement. Offsets come from `cutStatements`, and PostgreSQL 18's parser must come to the
 * same ones; it gets the text in batches, so that no parse tree of a large text is held.
 * @param read called in the text's order
 */
export async function readStatements<T>(
  sql: string,
  read: (statement: Statement, tree: ParseTree) => T,
): Promise<T[]> {
  const results: T[] = [];
  for (const batch of batches(cutStatements(sql))) {
    for (const [index, node] of (await parseBatch(sql, batch)).entries()) {
      const { start, end } = batch[index] as Cut;
      const [kind, tree] = Object.entries(node)[0] as [string, ParseTree];
      results.push(read({ start, end, text: sql.slice(start, end), kind }, tree));
    }
  }
  return results;
}

function* batches(cuts: readonly Cut[]): Generator<Cut[]> {
  let batch: Cut[] = [];
  for (const cut of cuts) {
    const first = batch[0];
    if (first && cut.end - first.start > batchLength) {
      yield batch;
      batch = [];
    }
    batch.push(cut);
  }
  if (batch.length > 0) yield batch;
}

async function parseBatch(sql: string, batch: readonly Cut[]): Promise<Node[]> {
  const [first, last] = [batch[0] as Cut, batch.at(-1) as Cut];
  try {
    const { stmts = [] } = await parse(sql.slice(first.start, last.end));
    if (agree(sql, batch, stmts)) return stmts.map(({ stmt }) => stmt as Node);
  } catch (cause) {
    if (batch.length === 1) throw notUnderstood(sql, first, cause);
  }
  if (batch.length === 1) throw notUnderstood(sql, first);
  const nodes: Node[] = [];
  for (const cut of batch) nodes.push(...(await parseBatch(sql, [cut])));
  return nodes;
}

/** The parser counts bytes of UTF-8, from the text's begin; a length of 0 or none is "to the end". */
function agree(sql: string, batch: readonly Cut[], statements: readonly RawStmt[]): boolean {
  if (statements.length !== batch.length) return false;
  let bytes = 0;
  let at = (batch[0] as Cut).start;
  return batch.every(({ start, end }, index) => {
    const { stmt_location = 0, stmt_len } = statements[index] as RawStmt;
    const from = bytes + Buffer.byteLength(sql.slice(at, start));
    bytes = from + Buffer.byteLength(sql.slice(start, end));
    at = end;
    return stmt_location === from && (stmt_len === undefined || stmt_len === bytes - from);
  });
}

function notUnderstood(sql: string, { start, end }: Cut, cause?: unknown): DefinitionsFailed {
  const [firstLine = ''] = sql.slice(start, Math.min(end, start + 200)).split('\n', 1);
  const why = cause instanceof Error ? cause.message : 'it is not exactly one statement';
  return new DefinitionsFailed(
    `PostgreSQL's parser does not understand a definition (${why}): ${firstLine}`,
    {
      cause,
    },
  );
}
