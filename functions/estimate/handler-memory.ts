/**
 * Handlers whose function has a processor of its own: those that move bytes, those that hold the definitions or the
 * manifest of 100,000 tables at once (410 MiB resident, measured), and those that hold the listing of a bucket. A processor comes with 1,769 MB of memory (AWS Lambda
 * Developer Guide, "Configure Lambda function memory").
 */
const larger: ReadonlySet<string> = new Set([
  'CopyShard',
  'PlanMedia',
  'CompareMedia',
  'ArchiveMedia',
  'SealBackup',
  'PlanRestore',
  'LoadPreData',
  'LoadShard',
  'ExtractMedia',
  'AddMediaObjects',
  'SettleMediaObjects',
  'BuildIndexes',
  'AddConstraints',
  'AddTriggers',
  'RefreshViews',
  'VerifyRestore',
]);

/**
 * pg_dump holds the whole catalogue: 1.25 GB for 100,000 tables with 620,000 relations in all (measured), and some
 * databases have more to a table.
 */
const largest: ReadonlySet<string> = new Set(['DumpSchema']);

/** MiB of a handler's function; a processor's share goes with it. */
export function memoryOf(handler: string): number {
  if (largest.has(handler)) return 3008;
  return larger.has(handler) ? 1769 : 512;
}
