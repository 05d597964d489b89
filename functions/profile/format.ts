import { z } from 'zod';

/** The newest version of the file format; docs/profiles.md describes it for people. */
export const profileVersion = 1;

const sql = z.string().trim().min(1, 'is empty; the empty text is written "\'\'"');
/** What YAML reads as a number, a truth value or nothing means the same in SQL. */
const value = z.union(
  [sql, z.number().transform(String), z.boolean().transform(String), z.null().transform(() => 'NULL')],
  {
    error: 'is neither SQL nor a value nor { to: SQL, optional: true }',
  },
);
const name = z.string().regex(/^[a-z][a-z0-9_]*$/, 'is not a name: small letters, digits and underscores');

const Column = z.union([
  value.transform((to) => ({ to, optional: false })),
  z.strictObject({ to: value, optional: z.boolean().default(false) }),
]);

const Table = z.strictObject({
  /** The table may be missing. */
  optional: z.boolean().default(false),
  /** `all`, `none`, or a predicate of the rows that stay. */
  rows: sql.optional(),
  /** Where no rows stay, what refers to them: `refuse` the profile, or `clear` it, so that it refers to nothing. */
  referring: z.enum(['refuse', 'clear']).optional(),
  /** A predicate of rows whose columns are left as they are. */
  except: sql.optional(),
  /** Column → expression that takes its place, or `keep`. */
  columns: z.record(z.string(), Column).default({}),
});

const Statement = z.union([
  sql.transform((text) => ({ sql: text, requires: [] as string[] })),
  z.strictObject({
    sql,
    /** Tables, or columns as `table.column`, without which it is left out. */
    requires: z.array(z.string()).default([]),
  }),
]);

const Switch = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type Switch = z.infer<typeof Switch>;

const rules = {
  tables: z.record(z.string(), Table).default({}),
  statements: z.array(Statement).default([]),
};

const When = z.strictObject({
  /** All of these switches have these values. */
  switches: z.record(name, Switch).default({}),
  /** All of these tables, or columns as `table.column`, exist. */
  has: z.array(z.string()).default([]),
  /** None of these exists. */
  lacks: z.array(z.string()).default([]),
  ...rules,
});

/** A profile as it is written. */
export const ProfileFile = z.strictObject({
  version: z.literal(profileVersion, {
    error: `this program reads version ${profileVersion} of the format`,
  }),
  description: z.string().optional(),
  /** A built-in profile, or another file, whose rules come first. */
  extends: z.string().optional(),
  switches: z.record(name, Switch).default({}),
  ...rules,
  when: z.array(When).default([]),
  /** Columns beyond Nautobot's own that refer to files in the media directory: `table.column`. */
  files: z
    .array(z.string().regex(/^[^.]+(\.[^.]+){1,2}$/, 'is not table.column, or schema.table.column'))
    .default([]),
  media: z
    .strictObject({
      /** Patterns of files that stay out. */
      exclude: z.array(z.string().min(1)).default([]),
    })
    .default({ exclude: [] }),
});
export type ProfileFile = z.infer<typeof ProfileFile>;
