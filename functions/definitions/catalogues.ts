/** One system catalogue that definitions are read from. */
export interface Catalogue {
  readonly name: string;
  /** What stands for one row, and stays its own while it lives. */
  readonly key: string;
  /** What changes when its definition does; xmin, the transaction that wrote this version of the row, by default. */
  readonly version?: string;
  /** Which rows count. `live`: relations of lasting schemas; `lasting`: those schemas. */
  readonly where: string;
}

const inLive = (column: string) => `${column} IN (SELECT oid FROM live)`;
const inLasting = (column: string) => `${column} IN (SELECT oid FROM lasting)`;
/** Objects below were made by initdb, and pg_dump doesn't dump them. */
const own = 'oid >= 16384';

/**
 * pg_class by what pg_dump reads of it: TRUNCATE, REINDEX, CLUSTER and REFRESH write new versions of its rows, whose
 * definitions stay.
 */
const relationVersion = `pg_catalog.concat_ws(',', relname, relnamespace, reltype, reloftype, relam, relkind, relpersistence,
  relnatts, relchecks, relhasrules, relhastriggers, relrowsecurity, relforcerowsecurity, relreplident, relispartition,
  reloptions::text, relpartbound::text)`;

/**
 * Where pg_dump's definitions come from. Comments, grants and dependencies are missing on purpose: pg_dump reads those
 * by plain queries under its snapshot, while the server's own functions (pg_get_viewdef and the like) look at the
 * newest state of these.
 */
export const catalogues: readonly Catalogue[] = [
  { name: 'pg_class', key: 'oid', version: relationVersion, where: 'oid IN (SELECT oid FROM live)' },
  { name: 'pg_attribute', key: "attrelid || '.' || attnum", where: `attnum > 0 AND ${inLive('attrelid')}` },
  { name: 'pg_attrdef', key: 'oid', where: inLive('adrelid') },
  { name: 'pg_constraint', key: 'oid', where: `${own} AND ${inLasting('connamespace')}` },
  { name: 'pg_index', key: 'indexrelid', where: inLive('indexrelid') },
  { name: 'pg_inherits', key: "inhrelid || '.' || inhseqno", where: inLive('inhrelid') },
  { name: 'pg_partitioned_table', key: 'partrelid', where: inLive('partrelid') },
  { name: 'pg_sequence', key: 'seqrelid', where: inLive('seqrelid') },
  { name: 'pg_foreign_table', key: 'ftrelid', where: inLive('ftrelid') },
  { name: 'pg_trigger', key: 'oid', where: inLive('tgrelid') },
  { name: 'pg_rewrite', key: 'oid', where: inLive('ev_class') },
  { name: 'pg_policy', key: 'oid', where: inLive('polrelid') },
  { name: 'pg_statistic_ext', key: 'oid', where: inLasting('stxnamespace') },
  { name: 'pg_namespace', key: 'oid', where: 'oid IN (SELECT oid FROM lasting)' },
  { name: 'pg_type', key: 'oid', where: `${own} AND ${inLasting('typnamespace')}` },
  { name: 'pg_enum', key: 'oid', where: 'true' },
  { name: 'pg_range', key: 'rngtypid', where: 'rngtypid >= 16384' },
  { name: 'pg_proc', key: 'oid', where: `${own} AND ${inLasting('pronamespace')}` },
  { name: 'pg_aggregate', key: 'aggfnoid::oid', where: 'aggfnoid::oid >= 16384' },
  { name: 'pg_language', key: 'oid', where: own },
  { name: 'pg_operator', key: 'oid', where: `${own} AND ${inLasting('oprnamespace')}` },
  { name: 'pg_opclass', key: 'oid', where: `${own} AND ${inLasting('opcnamespace')}` },
  { name: 'pg_opfamily', key: 'oid', where: `${own} AND ${inLasting('opfnamespace')}` },
  { name: 'pg_amop', key: 'oid', where: own },
  { name: 'pg_amproc', key: 'oid', where: own },
  { name: 'pg_am', key: 'oid', where: own },
  { name: 'pg_cast', key: 'oid', where: own },
  { name: 'pg_conversion', key: 'oid', where: own },
  { name: 'pg_collation', key: 'oid', where: own },
  { name: 'pg_transform', key: 'oid', where: own },
  { name: 'pg_extension', key: 'oid', where: own },
  { name: 'pg_event_trigger', key: 'oid', where: own },
  { name: 'pg_ts_config', key: 'oid', where: own },
  {
    name: 'pg_ts_config_map',
    key: "mapcfg || '.' || maptokentype || '.' || mapseqno",
    where: 'mapcfg >= 16384',
  },
  { name: 'pg_ts_dict', key: 'oid', where: own },
  { name: 'pg_ts_parser', key: 'oid', where: own },
  { name: 'pg_ts_template', key: 'oid', where: own },
  { name: 'pg_foreign_data_wrapper', key: 'oid', where: own },
  { name: 'pg_foreign_server', key: 'oid', where: own },
  { name: 'pg_publication', key: 'oid', where: own },
  { name: 'pg_publication_rel', key: 'oid', where: own },
  { name: 'pg_publication_namespace', key: 'oid', where: own },
];

/** Temporary tables of other sessions come and go; TOAST tables follow their tables. */
export const visibleParts = `
  lasting AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_namespace
    WHERE nspname !~ '^pg_(toast|temp_|toast_temp_)' AND nspname NOT IN ('pg_catalog', 'information_schema')
  ), live AS MATERIALIZED (
    SELECT oid FROM pg_catalog.pg_class WHERE relnamespace IN (SELECT oid FROM lasting) AND oid >= 16384
  )`;
