import type { ParseTree } from './statements.ts';

/**
 * Options that a server writes on columns for itself. The minor releases of November 2026 (15.20) note on every column
 * with which definition it came, as `pg_attver`; pg_dump of the same releases leaves that out, the one used here is older
 * and writes it down, and servers that do not know it refuse it.
 */
const own: ReadonlySet<string> = new Set(['pg_attver']);

/**
 * What of `ALTER TABLE … ALTER COLUMN … SET (…)` is the database's own.
 * @param text without its semicolon
 * @returns null where nothing is left, undefined where there is nothing to take out
 */
export function withoutServerOptions(text: string, tree: ParseTree): string | null | undefined {
  const command = tree.cmds?.[0]?.AlterTableCmd;
  if (command?.subtype !== 'AT_SetOptions') return undefined;
  const names: string[] = (command.def?.List?.items ?? []).map(({ DefElem }: ParseTree) => DefElem.defname);
  if (!names.some((name) => own.has(name))) return undefined;
  if (names.every((name) => own.has(name))) return null;
  const open = text.lastIndexOf('(');
  const items = text.slice(open + 1, text.lastIndexOf(')')).split(',');
  if (items.length !== names.length)
    throw new TypeError('a list of options has another form than the parser says');
  const kept = items.filter((_, index) => !own.has(names[index] ?? '')).map((item) => item.trim());
  return `${text.slice(0, open)}(${kept.join(', ')})`;
}
