import type { SequenceEntry } from '../archive/manifest.ts';
import { quoteLiteral, quoteName } from '../postgres/quote.ts';

/**
 * The statements that give sequences their values, as pg_dump writes them: `setval` of a regclass constant, whose text
 * is a quoted name inside a quoted string.
 * @returns '' when there are none
 */
export function sequencesSql(entries: readonly SequenceEntry[]): string {
  return entries.map(setSequence).join('');
}

function setSequence({ schema, name, lastValue, isCalled }: SequenceEntry): string {
  const sequence = quoteLiteral(quoteName(schema, name)).trimStart();
  return `SELECT pg_catalog.setval(${sequence}, ${lastValue}, ${isCalled});\n`;
}
