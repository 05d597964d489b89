import { errorOf } from '../errors/replicator-error.ts';

export class BadCacheUrl extends errorOf({
  code: 'BadCacheUrl',
  exitCode: 2,
  meaning:
    'The cache URL is no redis:// or rediss:// URL, or names a database that the server does not have.',
}) {}

export class CacheUnreachable extends errorOf({
  code: 'CacheUnreachable',
  exitCode: 2,
  meaning: 'Nothing that speaks Redis answers at the cache URL; found before a run begins.',
}) {}

export class CacheAccessDenied extends errorOf({
  code: 'CacheAccessDenied',
  exitCode: 2,
  meaning:
    'The cache refuses the user, the password or a command (also: it is a read-only replica); found before a run begins.',
}) {}

export class BrokerIsSource extends errorOf({
  code: 'BrokerIsSource',
  exitCode: 3,
  meaning:
    "The broker whose tasks --drain-broker would remove is the source's, or can't be told from it: name the target's with --broker, and the source's with --source-broker.",
}) {}

export class DrainNotConfirmed extends errorOf({
  code: 'DrainNotConfirmed',
  exitCode: 3,
  meaning:
    'Tasks wait in the broker that --drain-broker names, and nobody confirmed that they may be removed: answer yes, or say --yes.',
}) {}

export class InvalidationFailed extends errorOf({
  code: 'InvalidationFailed',
  exitCode: 1,
  meaning:
    'The cache could not be invalidated during a run: Nautobot may serve stale answers until it is cleared by hand.',
}) {}
