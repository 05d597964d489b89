import { directory, flag, mediaPlace, option, text } from './values.ts';

/** Where things are: store, databases, media directories. */

export const store = option({
  value: 's3://BUCKET/PREFIX',
  environment: 'REPLICATOR_STORE',
  help: 'Where backups are. AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE … say which S3.',
  schema: text,
});

export const optionalStore = option({
  value: 's3://BUCKET/PREFIX',
  environment: 'REPLICATOR_STORE',
  help: 'The store that restores of this target use, so that none runs at the same time.',
  schema: text.optional(),
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

export const backedUpMedia = option({
  value: 'DIR|s3://…',
  help: "The source's media directory (MEDIA_ROOT). Without it the backup holds no media. A bucket is only noted: backups do not hold what is in it.",
  schema: mediaPlace.optional(),
});

export const restoredMedia = option({
  value: 'DIR|s3://…',
  help: "The target's media directory, or the bucket that its storage backend uses. Without it media are not restored.",
  schema: mediaPlace.optional(),
});

export const mediaFrom = option({
  value: 's3://BUCKET/PREFIX',
  help: "With a bucket as --media: the source's bucket, whose media are copied into it.",
  schema: text.optional(),
});

export const removeOtherMedia = option({
  help: "With buckets: remove from the target's what the source's has not.",
  schema: flag,
});

export const to = option({
  value: 'DIR',
  help: 'Directory to write into; it is made if missing.',
  schema: directory,
});

export const force = option({ help: 'Overwrite files that are there.', schema: flag });
