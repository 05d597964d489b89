import { createHash } from 'node:crypto';
import { quoteName } from '../postgres/quote.ts';
import type { Database } from '../postgres/session.ts';
import { definitionWork, type Piece, tryPiece, vanished } from '../target/piece.ts';
import type { Rebuild } from '../target/rebuild.ts';
import { brief } from '../target/run-definitions.ts';
import { runWork, type WorkOptions } from '../target/run-work.ts';
import type { SanitizedTable } from '../target/verify-restore.ts';
import { SanitizeFailed } from './errors.ts';

export interface SanitizeOutcome {
  readonly statements: readonly { readonly statement: string; readonly rows: number }[];
  /** Tables that the statements wrote to, and their rows afterwards. */
  readonly touched: readonly SanitizedTable[];
}

/** What the statements leave in the bookkeeping. */
interface Left {
  readonly rows: readonly number[];
  /** `persistence`: of pg_class; null for a partitioned table, whose partitions are touched themselves. */
  readonly touched: readonly (SanitizedTable & { readonly persistence: string | null })[];
}

/**
 * Runs statements on the hidden database before indexes, triggers and materialised views exist, in one transaction,
 * as the owner, with `public` in the search path. Tables that were written to are rewritten afterwards, because an
 * UPDATE leaves the old row on its page. Repeatable: the statements run once.
 * @returns undefined: the lifetime is nearly over, the server goes on with what is under way
 * @throws SanitizeFailed naming the statement, nothing was changed then; WorkVanished
 */
export async function runStatements(
  target: Database,
  rebuild: Rebuild,
  statements: readonly string[],
  options: WorkOptions & { readonly settings?: Readonly<Record<string, string>> | undefined },
): Promise<SanitizeOutcome | undefined> {
  const piece = pieceOf(statements);
  let left: Left | undefined;
  const work = {
    ...piece,
    attempt: async (session: Parameters<typeof tryPiece>[0]) => {
      const tried = await tryPiece(session, piece);
      if (tried.is === 'failed') {
        const text = statements[tried.at - 1]?.trim() ?? 'counting the rows that are left';
        throw new SanitizeFailed(
          `a sanitising statement failed, and nothing of it stays (${tried.message}): ${text}`,
        );
      }
      if (tried.is === 'vanished') throw vanished(statements.map(brief).join('; '));
      if (tried.is === 'done') left = tried.outcome as Left;
      return tried.is === 'done';
    },
  };
  const part = { ...options, part: 'sanitize' };
  if (!(await runWork(target, rebuild, [[work]], { ...part, jobs: 1 })) || left === undefined)
    return undefined;
  const { rows, touched } = left;
  const rewritten = touched.flatMap(({ schema, name, persistence }) =>
    persistence === null
      ? []
      : [[definitionWork('rewrite', rewriting(quoteName(schema, name), persistence))]],
  );
  if (!(await runWork(target, rebuild, rewritten, part))) return undefined;
  return {
    statements: statements.map((statement, place) => ({ statement, rows: rows[place] ?? 0 })),
    touched: touched.map(({ schema, name, rows: counted }) => ({ schema, name, rows: counted })),
  };
}

function pieceOf(statements: readonly string[]): Piece {
  return {
    step: 'sanitize',
    subject: '',
    fingerprint: createHash('sha256').update(JSON.stringify(statements)).digest('hex'),
    statements: ['SET LOCAL search_path = "$user", public', ...statements],
    variables: 'r_table record;',
    finish: recordTouched,
  };
}

/**
 * Statements that copy a table's visible rows, and nothing else, into a new file, twice. VACUUM FULL keeps old versions
 * of rows as long as any transaction of the server, in whatever database, is older than their end.
 */
function rewriting(name: string, persistence: string): string[] {
  const [there, back] = persistence === 'u' ? ['LOGGED', 'UNLOGGED'] : ['UNLOGGED', 'LOGGED'];
  return [there, back].map((to) => `ALTER TABLE ${name} SET ${to}`);
}

/** Whoever writes to a table holds a lock on it until the transaction ends, TRUNCATE and ALTER TABLE included. */
const recordTouched = `
  PERFORM pg_catalog.set_config('search_path', '', true);
  r_outcome := '[]';
  FOR r_table IN
    SELECT DISTINCT n.nspname, c.relname, c.relkind = 'p' AS partitioned, c.relpersistence
      FROM pg_catalog.pg_locks l
      JOIN pg_catalog.pg_class c ON c.oid = l.relation AND c.relkind IN ('r', 'p')
      JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation'
       AND l.database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
       AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')
       AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'replicator_bookkeeping')
     ORDER BY 1, 2
  LOOP
    EXECUTE pg_catalog.format('SELECT pg_catalog.count(*) FROM %s%I.%I',
      CASE WHEN r_table.partitioned THEN '' ELSE 'ONLY ' END, r_table.nspname, r_table.relname) INTO r_count;
    r_outcome := r_outcome || pg_catalog.jsonb_build_array(pg_catalog.jsonb_build_object('schema', r_table.nspname,
      'name', r_table.relname, 'rows', r_count,
      'persistence', CASE WHEN NOT r_table.partitioned THEN r_table.relpersistence END));
  END LOOP;
  r_outcome := pg_catalog.jsonb_build_object('rows', pg_catalog.to_jsonb(r_rows[2:]), 'touched', r_outcome);`;
