import { errorOf } from '../errors/replicator-error.ts';
import type { StatementFailed } from '../postgres/errors.ts';

export class RowsNotChanged extends errorOf({
  code: 'RowsNotChanged',
  exitCode: 1,
  meaning:
    "A profile's mask or predicate can't be applied to a row: the outcome is too long for its column, NULL, or no value of its type. The target is as before, no backup was made; correct the profile.",
}) {}

/** Too long, NULL where it may not be, a check constraint: what the server says of these names columns only. */
const wordsWithoutValues = new Set(['22001', '23502', '23514']);
/** What guarded masks make the server say. */
const guard = /the mask of [^"]*/;

/** The error of a statement that changes rows, without a value of a row, which the server's own words may hold. */
export function rowsNotChanged(table: string, error: StatementFailed): RowsNotChanged {
  const words = (error.cause as Error | undefined)?.message ?? error.message;
  const said = guard.exec(words)?.[0] ?? (wordsWithoutValues.has(error.sqlState) ? words : undefined);
  const why = said === undefined ? '' : `${said}, `;
  return new RowsNotChanged(
    `${table}: the profile's masks or predicate can't be applied to a row (${why}SQLSTATE ${error.sqlState}). Correct the rules for this table`,
  );
}

/** What a guarded mask says, without the words around it. */
export function guardedWords(words: string): string {
  return guard.exec(words)?.[0] ?? words;
}
