import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { matchMedia } from '../functions/media/patterns.ts';
import { RunId } from '../functions/run/run-id.ts';
import type { OptionKind } from './option.ts';
import { parseSize } from './size.ts';

/** Every option of every verb; a verb picks its own. Values that may hold secrets are never repeated in messages. */

const text = z.string();
const flag = z.boolean().default(false);
const patterns = z.array(z.string()).readonly().default([]);
const directory = z.string().transform((path) => resolve(path));

const mebibyte = 1024 * 1024;

function option<Schema extends z.ZodType>(kind: OptionKind<Schema>): OptionKind<Schema> {
  return kind;
}

export const store = option({
  value: 's3://BUCKET/PREFIX',
  environment: 'REPLICATOR_STORE',
  help: 'Where backups are. AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE … say which S3.',
  schema: text,
});

export const source = option({
  value: 'URL',
  environment: 'REPLICATOR_SOURCE',
  help: 'Database to back up: postgres:// or postgres-iam://user@host:5432/database, or secretsmanager://SECRET-ID.',
  schema: text,
});

export const target = option({
  value: 'URL',
  environment: 'REPLICATOR_TARGET',
  help: 'Database to rebuild: postgres:// or postgres-iam://user@host:5432/database, or secretsmanager://SECRET-ID.',
  schema: text,
});

export const sourceToCompare = option({
  value: 'URL',
  environment: 'REPLICATOR_SOURCE',
  help: 'The source, to make sure that the target is another database. It is only looked at.',
  schema: text.optional(),
});

export const sourceMedia = option({
  value: 'DIR',
  help: "The source's media directory (MEDIA_ROOT). Without it the backup holds no media.",
  schema: directory.optional(),
});

export const targetMedia = option({
  value: 'DIR',
  help: "The target's media directory. Without it media are not restored.",
  schema: directory.optional(),
});

export const excludeTableData = option({
  value: 'PATTERN',
  multiple: true,
  help: 'Tables whose rows stay out, as in pg_dump: extras_objectchange, audit.*, "Odd Name".',
  schema: patterns,
});

export const excludeTable = option({
  value: 'PATTERN',
  multiple: true,
  help: 'Tables that stay out altogether, definition included.',
  schema: patterns,
});

const mediaPatterns = patterns.superRefine((given, context) => {
  for (const pattern of given)
    try {
      matchMedia([pattern]);
    } catch (error) {
      context.addIssue(error instanceof Error ? error.message : String(error));
    }
});

export const excludeMedia = option({
  value: 'PATTERN',
  multiple: true,
  help: "Media that stay out: a name in any folder ('*.iso'), or a path in the media directory ('jobs/**').",
  schema: mediaPatterns,
});

export const mediaOnly = option({
  value: 'PATTERN',
  multiple: true,
  help: 'Only these files, put in the place of those in --media, which stays in use; database and other files stay as they are.',
  schema: mediaPatterns,
});

export const schemaOnly = option({ help: 'Definitions only, no rows at all.', schema: flag });

export const backup = option({
  value: 'ID',
  help: 'Which backup: an id that `replicator list` shows, or latest.',
  schema: z
    .string()
    .refine((id) => id === 'latest' || RunId.safeParse(id).success, {
      error: ({ input }) =>
        `${JSON.stringify(input)} is not the id of a backup; \`replicator list\` shows them (20261123T054300Z-k3f9qa), or say latest`,
    })
    .default('latest'),
});

export const restore = option({
  value: 'ID',
  help: "Which restore: its run's id, which `replicator restore` prints, or latest.",
  schema: z
    .string()
    .refine((id) => id === 'latest' || RunId.safeParse(id).success, {
      error: ({ input }) =>
        `${JSON.stringify(input)} is not the id of a restore (20261123T054300Z-k3f9qa); say latest for the newest`,
    })
    .default('latest'),
});

export const table = option({
  value: 'PATTERN',
  multiple: true,
  help: 'Only these tables, replaced in the target in one transaction; the rest stays as it is.',
  schema: patterns,
});

export const keepPrevious = option({
  help: 'Keep the database and media that were in use before, under another name.',
  schema: flag,
});

export const dropPrevious = option({
  help: 'Afterwards remove the databases and media that earlier restores have kept.',
  schema: flag,
});

export const optionalStore = option({
  value: 's3://BUCKET/PREFIX',
  environment: 'REPLICATOR_STORE',
  help: 'The store that restores of this target use, so that none runs at the same time.',
  schema: text.optional(),
});

export const keptRun = option({
  value: 'ID',
  help: 'Go back to what this restore or undo has kept, in place of the last one.',
  schema: RunId.optional(),
});

export const withoutMedia = option({
  help: 'Leave the media as they are, although the restore exchanged them.',
  schema: flag,
});

export const listKept = option({
  help: 'Show what there is to go back to, and change nothing.',
  schema: flag,
});

export const dropKept = option({
  value: 'ID|all',
  help: 'Remove what this restore or undo has kept, or all that is kept, and go back to nothing.',
  schema: z
    .union(
      [z.literal('all'), RunId],
      'is neither the id of a restore or undo that `undo --list` shows, nor all',
    )
    .optional(),
});

const redisUrl = text
  .regex(
    /^(rediss?|rediss?[+-]sentinel|sentinel|secretsmanager):\/\/\S+$/i,
    'is not a Redis URL; write redis://host:6379, or rediss:// for TLS',
  )
  .optional();

const cache = {
  value: 'REDIS-URL',
  help: "Delete Nautobot's cache keys there afterwards: redis://host:6379, rediss:// for TLS, redis+sentinel://host,host/primary, or secretsmanager://SECRET-ID. A path (/1) names the database.",
  schema: redisUrl,
};

/** Without a variable: one that is set for restores must not empty production's cache at each backup. */
export const invalidateSourceCache = option(cache);

export const invalidateTargetCache = option({ ...cache, environment: 'REPLICATOR_CACHE' });

export const invalidateCommand = option({
  value: 'COMMAND',
  help: 'Run this instead, as in "nautobot-server invalidate all".',
  schema: text.optional(),
});

export const cacheKeyPrefix = option({
  value: 'PREFIX',
  help: "KEY_PREFIX of Nautobot's CACHES setting, where it has one.",
  schema: text.optional(),
});

export const drainBroker = option({
  help: "Remove the tasks that wait in the target's Celery queues, after naming them and asking; results stay.",
  schema: flag,
});

export const broker = option({
  value: 'REDIS-URL',
  environment: 'REPLICATOR_BROKER',
  help: "The target's Celery broker, where it isn't database 0 of the server that --invalidate-cache names.",
  schema: redisUrl,
});

export const sourceBroker = option({
  value: 'REDIS-URL',
  environment: 'REPLICATOR_SOURCE_BROKER',
  help: "The source's Celery broker, to be sure that --drain-broker is about another one.",
  schema: redisUrl,
});

export const afterRestore = option({
  value: 'COMMAND',
  help: 'Run this when the target is in use again, as in "nautobot-server post_upgrade".',
  schema: text.optional(),
});

export const dryRun = option({
  help: 'Print what would be done and everything that is checked beforehand; change nothing.',
  schema: flag,
});

export const createTarget = option({
  help: 'Make the database when there is none: on a new server, after a disaster.',
  schema: flag,
});

export const allowOlderCode = option({
  help: "Restore although the target's Nautobot is older than the backup.",
  schema: flag,
});

export const ignoreDiskSpace = option({
  help: 'Restore although the disks seem too small.',
  schema: flag,
});

export const backupProfile = option({
  value: 'NAME|FILE',
  help: 'Leave rows out and mask columns where they are read, as a profile says (nautobot, or a file).',
  schema: text.optional(),
});

export const restoreProfile = option({
  value: 'NAME|FILE',
  environment: 'REPLICATOR_PROFILE',
  help: 'Leave rows out and mask columns before anybody can connect, as a profile says (nautobot, or a file).',
  schema: text.optional(),
});

export const rows = option({
  value: '"TABLE: PREDICATE"',
  multiple: true,
  help: 'Only rows of which an SQL predicate is true.',
  schema: patterns,
});

export const keepAdmin = option({
  value: 'NAME',
  environment: 'REPLICATOR_KEEP_ADMIN',
  help: 'The user whose login and name the profile leaves alone.',
  schema: text.optional(),
});

export const stagingAdmin = option({
  value: 'NAME',
  environment: 'REPLICATOR_STAGING_ADMIN',
  help: 'Make a superuser of this name, whose password is in REPLICATOR_STAGING_ADMIN_PASSWORD.',
  schema: text.optional(),
});

export const afterRestoreTimeout = option({
  value: 'SECONDS',
  help: 'End the command of --after-restore after that many seconds; 3600 by default.',
  schema: z
    .custom<string | number>()
    .transform((given, context) => {
      const seconds = Number(given);
      if (Number.isInteger(seconds) && seconds >= 1 && seconds <= 604_800) return seconds;
      context.addIssue(`"${given}" is not a number of seconds from 1 to 604800`);
      return z.NEVER;
    })
    .optional(),
});

export const sanitizeSql = option({
  value: 'FILE',
  help: 'SQL that runs on the rebuilt database before anybody can connect to it.',
  schema: directory.optional(),
});

export const allowSource = option({
  help: 'Restore although the target is where the backup came from.',
  schema: flag,
});

export const yes = option({ help: 'Answer yes where a person at a terminal would be asked.', schema: flag });

export const jobs = option({
  value: 'N',
  help: 'Workers at once; each has a connection of its own.',
  schema: z
    .custom<string | number>()
    .transform((given, context) => {
      const count = typeof given === 'number' || /^\d+$/.test(given) ? Number(given) : Number.NaN;
      if (Number.isInteger(count) && count >= 1 && count <= 1000) return count;
      context.addIssue(`"${given}" is not a number of workers from 1 to 1000`);
      return z.NEVER;
    })
    .default(Math.min(8, Math.max(2, availableParallelism()))),
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
  schema: z
    .custom<string | number>()
    .transform((given, context) => {
      const seconds = Number(given);
      if (Number.isFinite(seconds) && seconds >= 5 && seconds <= 900) return seconds;
      context.addIssue(`"${given}" is not a number of seconds from 5 to 900`);
      return z.NEVER;
    })
    .optional(),
});

export const to = option({
  value: 'DIR',
  help: 'Directory to write into; it is made if missing.',
  schema: directory,
});

export const force = option({ help: 'Overwrite files that are there.', schema: flag });

export const stack = option({
  value: 'NAME',
  environment: 'REPLICATOR_STACK_NAME',
  help: 'CloudFormation stack of the deployment (stackName of its configuration). AWS_REGION, AWS_PROFILE … say where.',
  schema: text,
});

export const deployedTarget = option({
  value: 'NAME',
  help: 'Staging target, by its name in the configuration; needed where there are several.',
  schema: text.optional(),
});

export const executionsShown = option({
  value: 'N',
  help: 'How many executions to show; 10 by default.',
  schema: z
    .custom<string | number>()
    .transform((given, context) => {
      const most = Number(given);
      if (Number.isInteger(most) && most >= 1 && most <= 1000) return most;
      context.addIssue(`"${given}" is not a number from 1 to 1000`);
      return z.NEVER;
    })
    .default(10),
});

export const json = option({ help: 'Results as one JSON document on standard output.', schema: flag });

export const quiet = option({
  help: 'No progress and no summary; warnings and errors only.',
  schema: flag,
});
