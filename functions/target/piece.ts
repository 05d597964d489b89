import { createHash } from 'node:crypto';
import { quoteLiteral } from '../postgres/quote.ts';
import type { Session } from '../postgres/session.ts';
import { bookkeepingSchema, failedStep, forgetMark, leftStep } from './bookkeeping.ts';
import { DefinitionFailed, WorkVanished } from './errors.ts';
import { brief, refused } from './run-definitions.ts';
import type { Work } from './run-work.ts';

/**
 * SQL that is done once, in one transaction with its mark, and comes to its end without whoever started it: it goes to
 * the server as one message, and a server that doesn't look after its client (`client_connection_check_interval` 0)
 * executes and commits that (PostgreSQL manual, "Multiple Statements in a Simple Query").
 */
export interface Piece {
  readonly step: string;
  readonly subject: string;
  /** What is done exactly: a second try with other contents is an error. */
  readonly fingerprint?: string;
  /** One after another. */
  readonly statements: readonly string[];
  /** Settings of the transaction. */
  readonly settings?: Readonly<Record<string, string>>;
  /** PL/pgSQL after the statements; finds their numbers of rows in `r_rows` (bigint[]), may set `r_outcome` (jsonb). */
  readonly finish?: string;
  /** Further PL/pgSQL variables of `finish`. */
  readonly variables?: string;
}

export type Tried =
  | { readonly is: 'done'; readonly fingerprint: string; readonly outcome: unknown }
  /** Another session is at it. */
  | { readonly is: 'busy' }
  /** `at`: which statement it was, from 0. Nothing of the others stays. */
  | { readonly is: 'failed'; readonly at: number; readonly sqlState: string; readonly message: string }
  /** Left behind again and again, and each time gone without a result. */
  | { readonly is: 'vanished' };

/** How often work may be left to itself and be found neither done nor failed nor under way. */
const mostVanished = 3;

/**
 * Does a piece of work, or finds that it was done, failed when nobody listened, or is being done. One round trip.
 * What failed is told once: another try starts it again.
 * @throws TypeError when it was done before with another fingerprint
 */
export async function tryPiece(session: Session, piece: Piece): Promise<Tried> {
  const [row] = await session.query<{ result: string }>(
    `${heading(piece)}\nDO ${quoteLiteral(block(piece))};\nSELECT pg_catalog.current_setting('replicator.result') AS result`,
  );
  const tried: Tried = JSON.parse(row?.result ?? '');
  if (tried.is === 'failed') await forgetMark(session, failedStep(piece.step), piece.subject);
  if (tried.is === 'done' && tried.fingerprint !== (piece.fingerprint ?? ''))
    throw new TypeError(`${piece.step} ${piece.subject} was done before, with other contents`);
  return tried;
}

/** Of one piece of work: deadlock_detected is the end of one of two that wait for each other, and the other goes on. */
const mostDeadlocks = 20;

/**
 * Definitions that belong together as a piece of work; the error names the one that the server refuses. A deadlock, as
 * two ANALYZE of tables with heirs in common can come to, is tried again.
 */
export function definitionWork(
  step: string,
  texts: readonly string[],
  options: {
    /** What names the work, where not its statements do. */
    readonly subject?: string;
    readonly settings?: () => Readonly<Record<string, string>>;
    readonly done?: () => void;
  } = {},
): Work {
  const subject = options.subject ?? subjectOf(texts);
  let deadlocks = 0;
  return {
    step,
    subject,
    attempt: async (session) => {
      const settings = options.settings?.();
      const tried = await tryPiece(session, {
        step,
        subject,
        statements: texts,
        ...(settings && { settings }),
      });
      if (tried.is === 'failed') {
        if (tried.sqlState === '40P01' && ++deadlocks <= mostDeadlocks) return false;
        const text = texts[tried.at] ?? '';
        throw new DefinitionFailed(refused(text, tried.message, tried.sqlState));
      }
      if (tried.is === 'vanished') throw vanished(texts.map(brief).join('; '));
      if (tried.is === 'done') options.done?.();
      return tried.is === 'done';
    },
  };
}

export function subjectOf(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32);
}

/** Of an advisory lock (bigint). */
function lockKey(step: string, subject: string): bigint {
  return createHash('sha256')
    .update(JSON.stringify([step, subject]))
    .digest()
    .readBigInt64BE(0);
}

export function vanished(what: string): WorkVanished {
  return new WorkVanished(
    `${what}: started ${mostVanished} times and left to the server, which ended it each time without a result; the target server's log says why (a restart, no memory, a session that someone ended)`,
  );
}

/** SQL expression: whether work was left and lost too often. */
function vanishedCondition(step: string, subject: string): string {
  return `EXISTS (SELECT FROM ${bookkeepingSchema}.mark WHERE ${is(leftStep(step), subject)} AND outcome::text::integer >= ${mostVanished})`;
}

/** What pg_stat_activity shows of it. */
function heading({ step, statements }: Piece): string {
  const more = statements.length > 1 ? ` and ${statements.length - 1} more` : '';
  return `-- ${step}: ${brief(statements[0] ?? '')}${more}`;
}

/**
 * The lock, held until the end of the transaction, keeps a second starter away. What an error undoes is the inner block
 * alone, so that the server's words are committed for whoever comes next.
 */
function block({
  step,
  subject,
  fingerprint = '',
  statements,
  settings = {},
  finish,
  variables,
}: Piece): string {
  const set = Object.entries(settings).map(
    ([name, value]) => `PERFORM pg_catalog.set_config(${quoteLiteral(name)}, ${quoteLiteral(value)}, true);`,
  );
  const execute = statements.map(
    (text, place) => `r_at := ${place}; EXECUTE ${quoteLiteral(withoutSemicolon(text))};
      GET DIAGNOSTICS r_count = ROW_COUNT; r_rows := r_rows || r_count;`,
  );
  return `
DECLARE
  r_at integer := 0; r_count bigint; r_rows bigint[] := '{}'; r_outcome jsonb; r_result jsonb;
  r_state text; r_message text; ${variables ?? ''}
BEGIN
  IF NOT pg_catalog.pg_try_advisory_xact_lock(${lockKey(step, subject)}) THEN
    r_result := '{"is": "busy"}';
  ELSE
    SELECT pg_catalog.jsonb_build_object('is', 'done', 'fingerprint', fingerprint, 'outcome', outcome) INTO r_result
      FROM ${bookkeepingSchema}.mark WHERE ${is(step, subject)};
    IF r_result IS NULL THEN
      SELECT outcome INTO r_result FROM ${bookkeepingSchema}.mark WHERE ${is(failedStep(step), subject)};
    END IF;
    IF r_result IS NULL AND ${vanishedCondition(step, subject)} THEN
      r_result := '{"is": "vanished"}';
    END IF;
    IF r_result IS NULL THEN
      ${set.join('\n      ')}
      BEGIN
      ${execute.join('\n      ')}
      ${finish ?? ''}
      INSERT INTO ${bookkeepingSchema}.mark (step, subject, fingerprint, outcome)
        VALUES (${[step, subject, fingerprint].map(quoteLiteral).join(', ')}, r_outcome);
      r_result := pg_catalog.jsonb_build_object(
        'is', 'done', 'fingerprint', ${quoteLiteral(fingerprint)}, 'outcome', r_outcome);
      EXCEPTION WHEN OTHERS THEN
        GET STACKED DIAGNOSTICS r_state = RETURNED_SQLSTATE, r_message = MESSAGE_TEXT;
        r_result := pg_catalog.jsonb_build_object('is', 'failed', 'at', r_at, 'sqlState', r_state, 'message', r_message);
        INSERT INTO ${bookkeepingSchema}.mark (step, subject, fingerprint, outcome)
          VALUES (${[failedStep(step), subject, fingerprint].map(quoteLiteral).join(', ')}, r_result);
      END;
    END IF;
  END IF;
  PERFORM pg_catalog.set_config('replicator.result', r_result::text, true);
END`;
}

function is(step: string, subject: string): string {
  return `step = ${quoteLiteral(step)} AND subject = ${quoteLiteral(subject)}`;
}

function withoutSemicolon(text: string): string {
  return text.trim().replace(/;$/, '');
}
