import { errorOf } from '../errors/replicator-error.ts';

export class DefinitionsFailed extends errorOf({
  code: 'DefinitionsFailed',
  exitCode: 1,
  meaning:
    "The database's definitions could not be read or are not to be trusted; the message carries pg_dump's own words or names the statement.",
}) {}

export class DefinitionsChanged extends errorOf({
  code: 'DefinitionsChanged',
  exitCode: 1,
  startOver: true,
  meaning:
    'Someone changed definitions (a migration, CREATE, ALTER, DROP) while the backup was reading them; it starts over once by itself, else run it again when the change is done.',
}) {}

export class ExclusionBreaksOthers extends errorOf({
  code: 'ExclusionBreaksOthers',
  exitCode: 2,
  meaning:
    'A table to be left out is needed by a view, foreign key, partition or function that stays: leave that out too, or leave out only the rows.',
}) {}
