import { StatementFailed } from '../postgres/errors.ts';

/** Whether the server refused a statement with one of these codes (PostgreSQL manual, Appendix A). */
export function hasSqlState(error: unknown, ...states: readonly string[]): error is StatementFailed {
  return error instanceof StatementFailed && states.includes(error.sqlState);
}
