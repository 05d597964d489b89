import { quoteIdentifier, quoteName } from '../postgres/quote.ts';

/** What a table's rows begin with in database.sql.zst. A table without columns has rows, but nothing to name. */
export function copyStatement(schema: string, name: string, columns: readonly string[]): string {
  const list = columns.length === 0 ? '' : ` (${columns.map(quoteIdentifier).join(',')})`;
  return `COPY ${quoteName(schema, name)}${list} FROM stdin;\n`;
}

/** What they end with. */
export const copyEnd = '\\.\n\n';
