import { resolve } from 'node:path';
import { z } from 'zod';
import { networkChoices } from '../functions/estimate/network.ts';
import { listedRegions } from '../functions/estimate/prices.ts';
import type { OptionKind } from './option.ts';
import { numberBetween } from './options/values.ts';
import * as option from './options.ts';

/** Options that `estimate` alone has. */

function countOption(help: string, usual: number) {
  return {
    value: 'N',
    help: `${help} ${usual} by default.`,
    schema: numberBetween(0, 100_000, { digitsOnly: true }).default(usual),
  } satisfies OptionKind;
}

export const storeToCompare = {
  ...option.store,
  help: 'Take how well rows compress from the newest backup there, and not from what is usual.',
  schema: z.string().optional(),
} satisfies OptionKind;

export const backupsAMonth = countOption('Backups made in a month.', 30);
export const restoresAMonth = countOption('Restores made in a month.', 4);
export const keep = countOption('Backups kept at a time.', 14);

export const network = {
  value: 'CHOICE',
  help: `How Lambda reaches AWS: ${networkChoices.join(', ')} (docs/deploy.md). ${networkChoices[0]} by default, which costs nothing more.`,
  schema: z.enum(networkChoices, { error: `takes ${networkChoices.join(', ')}` }).default('existing'),
} satisfies OptionKind;

export const zones = {
  value: 'N',
  help: 'Availability zones that the functions are in. 2 by default.',
  schema: numberBetween(1, 6).default(2),
} satisfies OptionKind;

export const region = {
  value: 'REGION',
  environment: 'AWS_REGION',
  help: `Whose list prices count. Known: ${listedRegions.join(', ')}; those of us-east-1 stand in for others.`,
  schema: z.string().default('us-east-1'),
} satisfies OptionKind;

export const prices = {
  value: 'FILE',
  help: 'Prices to count with instead: JSON of the form that `estimate --json` shows under `prices`.',
  schema: z
    .string()
    .transform((path) => resolve(path))
    .optional(),
} satisfies OptionKind;
