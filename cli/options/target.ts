import { flag, numberBetween, option, text } from './values.ts';

/** What a restore does to its target, and what it may. */

export const keepPrevious = option({
  help: 'Keep the database and media that were in use before, under another name.',
  schema: flag,
});

export const dropPrevious = option({
  help: 'Afterwards remove the databases and media that earlier restores have kept.',
  schema: flag,
});

export const createTarget = option({
  help: 'Make the database when there is none: on a new server, after a disaster.',
  schema: flag,
});

export const allowSource = option({
  help: 'Restore although the target is where the backup came from.',
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

export const afterRestore = option({
  value: 'COMMAND',
  help: 'Run this when the target is in use again, as in "nautobot-server post_upgrade".',
  schema: text.optional(),
});

export const afterRestoreTimeout = option({
  value: 'SECONDS',
  help: 'End the command of --after-restore after that many seconds; 3600 by default.',
  schema: numberBetween(1, 604_800, { what: 'a number of seconds' }).optional(),
});
