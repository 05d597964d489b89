/**
 * Start-up settings that make the text of rows the same wherever and whenever it is read: those that pg_dump sets,
 * and a plan without choices, so that two reads of the same rows come in the same order.
 * At start-up, because a rollback would undo SET.
 */
export const copySettings: Readonly<Record<string, string>> = {
  // As pg_dump: text that every later version reads back to the same value
  DateStyle: 'ISO, YMD',
  IntervalStyle: 'postgres',
  extra_float_digits: '3',
  bytea_output: 'hex',
  TimeZone: 'UTC',
  lc_monetary: 'C',
  xmloption: 'content',
  standard_conforming_strings: 'on',
  quote_all_identifiers: 'off',
  search_path: '',
  // Fail instead of hiding rows
  row_security: 'off',
  // One plan: heap order
  synchronize_seqscans: 'off',
  max_parallel_workers_per_gather: '0',
  enable_seqscan: 'on',
  enable_tidscan: 'on',
  enable_indexscan: 'off',
  enable_indexonlyscan: 'off',
  enable_bitmapscan: 'off',
  jit: 'off',
};

/**
 * UTF-8, into which the server converts; but a SQL_ASCII database holds bytes of which it knows no encoding, and would
 * refuse rows that aren't UTF-8 by chance. pg_dump keeps them as they are, too.
 * @param serverEncoding as `pg_encoding_to_char(encoding)` has it
 */
export function clientEncoding(serverEncoding: string): 'UTF8' | 'SQL_ASCII' {
  return serverEncoding === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8';
}
