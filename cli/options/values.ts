import { resolve } from 'node:path';
import { z } from 'zod';
import { RunId } from '../../functions/run/run-id.ts';
import type { OptionKind } from '../option.ts';

/** What options are made of. */

export const text = z.string();
export const flag = z.boolean().default(false);
export const patterns = z.array(z.string()).readonly().default([]);
export const directory = z.string().transform((path) => resolve(path));

export const isBucket = (place: string | undefined): place is string => place?.startsWith('s3://') === true;
/** A directory, or `s3://bucket/prefix` as it is. */
export const mediaPlace = z.string().transform((place) => (isBucket(place) ? place : resolve(place)));

export const mebibyte = 1024 * 1024;

/** An option as it is written, with the type of its own schema. */
export function option<Schema extends z.ZodType>(kind: OptionKind<Schema>): OptionKind<Schema> {
  return kind;
}

/** A number, bounds included, or a text that is one. */
export function numberBetween(
  least: number,
  most: number,
  { what = 'a number', whole = true, digitsOnly = false } = {},
) {
  return z.custom<string | number>().transform((given, context) => {
    const isRead = !digitsOnly || typeof given === 'number' || /^\d+$/.test(given);
    const number = isRead ? Number(given) : Number.NaN;
    const isOne = whole ? Number.isInteger(number) : Number.isFinite(number);
    if (isOne && number >= least && number <= most) return number;
    context.addIssue(`"${given}" is not ${what} from ${least} to ${most}`);
    return z.NEVER;
  });
}

/** The id of a run, or `latest`, which is the default. */
export function idOrLatest(complaint: string) {
  return z
    .string()
    .refine((id) => id === 'latest' || RunId.safeParse(id).success, {
      error: ({ input }) => `${JSON.stringify(input)} ${complaint}`,
    })
    .default('latest');
}
