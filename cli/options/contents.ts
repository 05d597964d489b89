import { matchMedia } from '../../functions/media/patterns.ts';
import { flag, idOrLatest, option, patterns } from './values.ts';

/** What a backup holds, and what of it is restored. */

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

export const rows = option({
  value: '"TABLE: PREDICATE"',
  multiple: true,
  help: 'Only rows of which an SQL predicate is true.',
  schema: patterns,
});

export const backup = option({
  value: 'ID',
  help: 'Which backup: an id that `replicator list` shows, or latest.',
  schema: idOrLatest(
    'is not the id of a backup; `replicator list` shows them (20261123T054300Z-k3f9qa), or say latest',
  ),
});

export const restore = option({
  value: 'ID',
  help: "Which restore: its run's id, which `replicator restore` prints, or latest.",
  schema: idOrLatest('is not the id of a restore (20261123T054300Z-k3f9qa); say latest for the newest'),
});

export const table = option({
  value: 'PATTERN',
  multiple: true,
  help: 'Only these tables, replaced in the target in one transaction; the rest stays as it is.',
  schema: patterns,
});
