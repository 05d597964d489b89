import { directory, option, text } from './values.ts';

/** What staging must not have. */

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

export const sanitizeSql = option({
  value: 'FILE',
  help: 'SQL that runs on the rebuilt database before anybody can connect to it.',
  schema: directory.optional(),
});
