import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { parseSize } from '../size.ts';
import { flag, mebibyte, numberBetween, option } from './values.ts';

/** How a verb runs and what it prints. */

export const dryRun = option({
  help: 'Print what would be done and everything that is checked beforehand; change nothing.',
  schema: flag,
});

export const yes = option({ help: 'Answer yes where a person at a terminal would be asked.', schema: flag });

export const jobs = option({
  value: 'N',
  help: 'Workers at once; each has a connection of its own.',
  schema: numberBetween(1, 1000, { what: 'a number of workers', digitsOnly: true }).default(
    Math.min(8, Math.max(2, availableParallelism())),
  ),
});

export const shardSize = option({
  value: 'SIZE',
  help: 'How much of a table one worker takes at a time: 256MiB (the default), 1GB, or bytes.',
  schema: z
    .custom<string | number>()
    .transform((given, context) => {
      const bytes = parseSize(String(given));
      if (bytes === undefined)
        context.addIssue(
          `"${given}" is not a size; write bytes or a number with a unit, as in 256MiB or 1GB`,
        );
      else if (bytes < mebibyte) context.addIssue(`"${given}" is too small; the least is 1MiB`);
      return bytes ?? z.NEVER;
    })
    .default(256 * mebibyte),
});

export const lambdaSeconds = option({
  value: 'N',
  help: 'Give every handler that many seconds, as Lambda gives it 900, to try out how a run hands over.',
  schema: numberBetween(5, 900, { what: 'a number of seconds', whole: false }).optional(),
});

export const json = option({ help: 'Results as one JSON document on standard output.', schema: flag });

export const quiet = option({
  help: 'No progress and no summary; warnings and errors only.',
  schema: flag,
});
