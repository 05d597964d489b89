import { errorOf } from '../errors/replicator-error.ts';

export class SecretUnusable extends errorOf({
  code: 'SecretUnusable',
  exitCode: 2,
  meaning:
    'A secretsmanager:// URL names a secret that is missing, not readable or not of the shape that RDS makes.',
}) {}
