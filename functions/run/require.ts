import { errorOf } from '../errors/replicator-error.ts';
import type { Surroundings } from './surroundings.ts';

export class ConfigurationMissing extends errorOf({
  code: 'ConfigurationMissing',
  exitCode: 2,
  meaning:
    'A run needs a source, target, media directory, cache or secret that the configuration or command line does not name.',
}) {}

type Optional =
  | 'source'
  | 'target'
  | 'sourceMedia'
  | 'targetMedia'
  | 'mediaBuckets'
  | 'cache'
  | 'broker'
  | 'afterRestore'
  | 'maskKey'
  | 'stagingAdminPassword';

const named: Record<Optional, string> = {
  source: 'no source database is given (--source)',
  target: 'no target database is given (--target)',
  sourceMedia: 'no media directory is given (--media)',
  targetMedia: 'no media directory of the target is given (--media, or --target-media of replicate)',
  mediaBuckets: 'no buckets of media are given (--media and --target-media, or --media-from)',
  cache: 'no cache is given (--invalidate-cache or --invalidate-command)',
  broker: 'no broker is given (--broker, or --invalidate-cache where both are on one server)',
  afterRestore: 'no command is given (--after-restore)',
  maskKey: 'the profile masks by a key, and none is given (REPLICATOR_MASK_KEY)',
  stagingAdminPassword:
    'the staging admin needs a password, and none is given (REPLICATOR_STAGING_ADMIN_PASSWORD)',
};

/** @throws ConfigurationMissing naming the option */
export function need<Key extends Optional>(
  surroundings: Pick<Surroundings, Optional>,
  key: Key,
): NonNullable<Surroundings[Key]> {
  const value = surroundings[key];
  if (value === undefined) throw new ConfigurationMissing(named[key]);
  return value;
}
