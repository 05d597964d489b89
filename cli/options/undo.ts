import { z } from 'zod';
import { RunId } from '../../functions/run/run-id.ts';
import { flag, option } from './values.ts';

/** What `undo` goes back to. */

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
