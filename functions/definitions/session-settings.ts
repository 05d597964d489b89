/**
 * The settings that a dump's pre-data begins with, as start-up settings: for a session that runs some of a dump's
 * statements and not the first ones.
 */
export const definitionSettings: Readonly<Record<string, string>> = {
  statement_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  standard_conforming_strings: 'on',
  search_path: '',
  check_function_bodies: 'off',
  xmloption: 'content',
  client_min_messages: 'warning',
  row_security: 'off',
};
