import { z } from 'zod';
import { quoteIdentifier } from '../postgres/quote.ts';

/** SQL of a profile, ready for a server. */
export const Placed = z.object({
  /** As the profile has it. */
  written: z.string(),
  /** With everything expanded that only a profile knows. */
  sql: z.string(),
  /** The same, with constants of the greatest length in place of masks. */
  longest: z.string(),
  place: z.string(),
  /** Its outcome depends on the key. */
  keyed: z.boolean(),
});
export type Placed = z.infer<typeof Placed>;

/** What a profile does to one table. */
export const Treatment = z.object({
  schema: z.string(),
  name: z.string(),
  /** All rows, none, or those of a predicate. */
  rows: z.union([z.literal(['all', 'none']), Placed]),
  /** Where no rows stay: what refers to them loses the reference, or its rows. */
  clears: z.boolean(),
  /** Rows whose columns are left as they are. */
  except: Placed.nullable(),
  columns: z.array(Placed.extend({ column: z.string() })),
  /** Columns that somebody has looked at and kept. */
  kept: z.array(z.string()),
});
export type Treatment = z.infer<typeof Treatment>;

/** A profile, applied to the tables that there are. */
export const AppliedProfile = z.object({
  name: z.string(),
  treatments: z.array(Treatment),
  statements: z.array(Placed),
  switches: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
});
export type AppliedProfile = z.infer<typeof AppliedProfile>;

/** The predicate of the rows that stay; undefined: all of them. */
export function predicateOf({ rows }: Treatment): string | undefined {
  return typeof rows === 'string' ? undefined : rows.sql;
}

/** Column → SQL that takes its place. */
export function masksOf(treatment: Treatment, kind: 'sql' | 'longest' = 'sql'): Map<string, string> {
  const { columns, except } = treatment;
  return new Map(
    columns.map((column) => [
      column.column,
      except
        ? `CASE WHEN (${except.sql}\n) THEN ${quoteIdentifier(column.column)} ELSE (${column[kind]}\n) END`
        : column[kind],
    ]),
  );
}

/** Does it read or write rows otherwise than they are? */
export function changesRows({ rows, columns }: Treatment): boolean {
  return rows !== 'all' || columns.length > 0;
}

export function isKeyed({
  treatments,
  statements,
}: Pick<AppliedProfile, 'treatments' | 'statements'>): boolean {
  const parts = treatments.flatMap(({ rows, except, columns }) => [
    ...(typeof rows === 'string' ? [] : [rows]),
    ...(except ? [except] : []),
    ...columns,
  ]);
  return [...parts, ...statements].some(({ keyed }) => keyed);
}
