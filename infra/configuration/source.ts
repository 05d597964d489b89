import { z } from 'zod';
import { BackupOptions } from '../../functions/run/state.ts';
import { Broker, Cache, Database, inputOf, jobs, masking, SourceMedia, scheduleFields } from './fields.ts';

export const Source = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,15}$/, 'must be 1 to 16 of a-z, 0-9 and -, beginning with a letter')
    .default('production')
    .describe('What metrics and the dashboard call it.'),
  database: Database,
  media: SourceMedia.optional(),
  cache: Cache.optional(),
  broker: Broker.optional().describe(
    "A secret that is the URL of Celery's broker: a target's broker that is the same is not drained.",
  ),
  ...masking,
  jobs,
  schedule: z
    .strictObject({
      ...scheduleFields,
      options: inputOf(BackupOptions)
        .default({})
        .describe("The Backup machine's input, see docs/deploy.md; `jobs` is the above."),
    })
    .optional()
    .describe('When backups are made.'),
});
export type Source = z.infer<typeof Source>;
