import { z } from 'zod';
import { nearest } from '../errors/nearest.ts';
import { BackupOptions, RestoreOptions } from './state.ts';

/** What an execution of a machine may be started with; docs/inputs.md describes it. */
export const executionInputs = {
  backup: BackupOptions,
  restore: RestoreOptions,
  replicate: z.strictObject({
    backup: BackupOptions.prefault({}),
    /** Which backup is known: the one that was made. */
    restore: RestoreOptions.omit({ backup: true }).prefault({}),
  }),
} as const;
export type InputKind = keyof typeof executionInputs;
export type ExecutionInput<Kind extends InputKind> = z.output<(typeof executionInputs)[Kind]>;

/**
 * Holds the input of an execution against its schema.
 * @returns the input with every default filled in, or in one line all that is wrong with it: fields by their names and
 *   types, never a value, which may be a secret in the wrong place
 */
export function readInput<Kind extends InputKind>(
  kind: Kind,
  input: unknown,
): { readonly input: ExecutionInput<Kind> } | { readonly complaint: string } {
  const schema: z.ZodType = executionInputs[kind];
  const parsed = schema.safeParse(input);
  if (parsed.success) return { input: parsed.data as ExecutionInput<Kind> };
  const complaints = parsed.error.issues.flatMap((issue) => describe(issue, schema, input));
  return { complaint: complaints.join('; ') };
}

type Issue = z.core.$ZodIssue;

function describe(issue: Issue, schema: z.ZodType, input: unknown): string[] {
  const name = nameOf(issue.path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        unknownField(nameOf([...issue.path, key]), key, fieldsAt(schema, issue.path)),
      );
    case 'invalid_type':
      return [`${name} must be ${kindOfType(issue.expected)} and is ${typeOf(valueAt(input, issue.path))}`];
    case 'too_small':
      return [`${name} must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`];
    case 'too_big':
      return [`${name} must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`];
    default:
      return [`${name} ${issue.message}`];
  }
}

function unknownField(name: string, key: string, fields: readonly string[]): string {
  const meant = nearest(key, fields);
  return `${name} is not a field; ${meant ? `did you mean ${meant}?` : `there are ${fields.join(', ')}`}`;
}

/** `restore.tables[0]` */
function nameOf(path: readonly PropertyKey[]): string {
  const text = path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  return text || 'the input';
}

function fieldsAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const part of path) at = shapeOf(at)?.[String(part)];
  return Object.keys(shapeOf(at) ?? {});
}

/** Of an object's schema, whatever default is around it. */
function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape;
  if (schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault) return shapeOf(schema.def.innerType);
  return undefined;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown>)?.[part], input);
}

const types: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function kindOfType(expected: string): string {
  return types[expected] ?? expected;
}

function typeOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && !Number.isInteger(value)) return 'a number with a fraction';
  return types[typeof value] ?? typeof value;
}
