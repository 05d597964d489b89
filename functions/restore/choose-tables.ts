import type { Manifest } from '../archive/manifest.ts';
import { errorOf } from '../errors/replicator-error.ts';
import { matchPatterns } from '../snapshot/patterns.ts';

export class TableWithoutRows extends errorOf({
  code: 'TableWithoutRows',
  exitCode: 2,
  meaning:
    'The --table option of restore names a table whose rows were left out of the backup: choose a backup that has them.',
}) {}

/**
 * The tables that `--table` patterns name, as `[schema, name]`.
 * @throws BadPattern, PatternMatchesNothing; TableWithoutRows
 */
export function chooseTables(manifest: Manifest, patterns: readonly string[]): [string, string][] {
  // A pattern without a schema means what it would in the source: Nautobot's tables are in public
  const named = manifest.tables.map((table) => ({ ...table, visible: table.schema === 'public' }));
  const tables = matchPatterns(patterns, named, '--table', manifest.source.database);
  const empty = tables
    .filter(({ content }) => content === 'definition')
    .map(({ schema, name }) => `${schema}.${name}`);
  if (empty.length > 0)
    throw new TableWithoutRows(
      `--table: backup ${manifest.backupId} was made without the rows of ${empty.join(', ')}; choose another with --backup ID`,
    );
  return tables.map(({ schema, name }) => [schema, name]);
}
