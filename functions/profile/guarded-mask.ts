import { quoteLiteral } from '../postgres/quote.ts';

/** A column as masks have to fit it. */
export interface ColumnType {
  /** As SQL names it, with what it is bounded by, but for the length of a text. */
  readonly type: string;
  /** Most characters; null: any number. */
  readonly length: number | null;
  readonly notNull: boolean;
}

/**
 * An expression as a column would take it: of its type, and an error where the outcome is too long or NULL, as an
 * assignment would make it. In a SELECT there is none.
 * @param once keeps the server from evaluating it several times; without, a plan alone finds constants that don't fit
 */
export function guarded(
  sql: string,
  { type, length, notNull }: ColumnType,
  column: string,
  once: boolean,
): string {
  const cast = `CAST((${sql}\n) AS ${type})`;
  if (length === null && !notNull) return cast;
  const fail = (what: string) =>
    `(pg_catalog.left(coalesce(v.v::pg_catalog.text, ''), 0) || ${quoteLiteral(`the mask of ${column} gives ${what}`)})::pg_catalog.int4::pg_catalog.text::${type}`;
  const cases = [
    `WHEN v.v IS NULL THEN ${notNull ? fail('NULL') : 'v.v'}`,
    ...(length === null
      ? []
      : [`WHEN pg_catalog.length(v.v) > ${length} THEN ${fail(`more than ${length} characters`)}`]),
  ];
  return `(SELECT CASE ${cases.join(' ')} ELSE v.v END FROM (SELECT ${cast} AS v${once ? ' OFFSET 0' : ''}) AS v)`;
}
