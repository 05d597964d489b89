import { quoteIdentifier, quoteLiteral } from '../postgres/quote.ts';
import type { Database, Session } from '../postgres/session.ts';
import type { Rebuild } from './rebuild.ts';
import { openLoader } from './sessions.ts';
import { hasSqlState } from './sql-state.ts';

/** Unlikely to be anybody's; gone before the database comes into use. */
export const bookkeepingSchema = 'replicator_bookkeeping';

/** Work that is done once: its mark is part of the same transaction. */
export interface Mark {
  /** `rows`, `pre-data`, `sanitize`, … */
  readonly step: string;
  readonly subject: string;
  /** What was done exactly: a second try with other contents is an error. */
  readonly fingerprint: string;
}

export async function installBookkeeping(
  target: Database,
  rebuild: Rebuild,
  signal?: AbortSignal,
): Promise<void> {
  const session = await openLoader(target, rebuild, { part: 'create', signal });
  try {
    await session.execute(`
      CREATE SCHEMA IF NOT EXISTS ${bookkeepingSchema};
      CREATE TABLE IF NOT EXISTS ${bookkeepingSchema}.mark (
        step text NOT NULL,
        subject text NOT NULL,
        fingerprint text NOT NULL,
        outcome jsonb,
        made_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
        PRIMARY KEY (step, subject))`);
  } finally {
    await session.end();
  }
}

export async function dropBookkeeping(session: Session): Promise<void> {
  await session.execute(`DROP SCHEMA IF EXISTS ${quoteIdentifier(bookkeepingSchema)} CASCADE`);
}

/**
 * Runs `work` in a transaction of its own, once: the mark, inserted first, makes another try at the same work wait
 * and then find it done. `work`'s outcome (JSON) is kept with the mark and comes back from later tries.
 * @returns `again`: it was done before
 */
export async function once<T>(
  session: Session,
  mark: Mark,
  work: () => Promise<T>,
): Promise<{ readonly outcome: T; readonly again: boolean }> {
  const { step, subject, fingerprint } = mark;
  const values = [step, subject, fingerprint].map(quoteLiteral).join(', ');
  try {
    await session.execute(
      `BEGIN; INSERT INTO ${bookkeepingSchema}.mark (step, subject, fingerprint) VALUES (${values})`,
    );
  } catch (error) {
    await session.execute('ROLLBACK').catch(() => {});
    if (!hasSqlState(error, '23505')) throw error;
    return { outcome: (await readOutcome(session, mark)) as T, again: true };
  }
  try {
    const outcome = await work();
    const json = quoteLiteral(JSON.stringify(outcome ?? null));
    const where = `step = ${quoteLiteral(step)} AND subject = ${quoteLiteral(subject)}`;
    await session.execute(`UPDATE ${bookkeepingSchema}.mark SET outcome = ${json} WHERE ${where}; COMMIT`);
    return { outcome, again: false };
  } catch (error) {
    // What went wrong first is what the caller should hear of
    await session.execute('ROLLBACK').catch(() => {});
    throw error;
  }
}

async function readOutcome(session: Session, mark: Mark): Promise<unknown> {
  const [row] = await session.query<{ fingerprint: string; outcome: unknown }>(
    `SELECT fingerprint, outcome FROM ${bookkeepingSchema}.mark WHERE step = $1 AND subject = $2`,
    [mark.step, mark.subject],
  );
  if (row?.fingerprint !== mark.fingerprint)
    throw new TypeError(`${mark.step} ${mark.subject} was done before, with other contents`);
  return row.outcome;
}

/** What a step that is done once, whatever its fingerprint, left; undefined when it was not done. */
export async function readOutcomeOf<T>(session: Session, step: string): Promise<T | undefined> {
  const [row] = await session.query<{ outcome: T }>(
    `SELECT outcome FROM ${bookkeepingSchema}.mark WHERE step = $1`,
    [step],
  );
  return row?.outcome;
}

/** Under which step the words of a failure are kept that nobody may have heard. */
export const failedStep = (step: string) => `${step} failed`;
/** Under which step it is counted how often work was left to the server. */
export const leftStep = (step: string) => `${step} left`;

/** What was done of some steps: marks' subjects and outcomes. */
export async function readDone(session: Session, ...steps: string[]): Promise<Map<string, unknown>> {
  const rows = await session.query<{ subject: string; outcome: unknown }>(
    `SELECT subject, outcome FROM ${bookkeepingSchema}.mark WHERE step = ANY ($1)`,
    [steps],
  );
  return new Map(rows.map(({ subject, outcome }) => [subject, outcome]));
}

/** Counts that work was under way when its sessions were left to themselves. */
export async function countLeft(
  session: Session,
  works: readonly { readonly step: string; readonly subject: string }[],
): Promise<void> {
  await session.query(
    `INSERT INTO ${bookkeepingSchema}.mark AS m (step, subject, fingerprint, outcome)
     SELECT w.step, w.subject, '', '1' FROM unnest($1::text[], $2::text[]) AS w (step, subject)
     ON CONFLICT (step, subject) DO UPDATE SET outcome = (m.outcome::text::integer + 1)::text::jsonb`,
    [works.map(({ step }) => leftStep(step)), works.map(({ subject }) => subject)],
  );
}

export async function forgetMark(session: Session, step: string, subject: string): Promise<void> {
  await session.query(`DELETE FROM ${bookkeepingSchema}.mark WHERE step = $1 AND subject = $2`, [
    step,
    subject,
  ]);
}

/** Forgets all of a step, so that it can be done anew. */
export async function forgetStep(session: Session, step: string): Promise<void> {
  await session.query(`DELETE FROM ${bookkeepingSchema}.mark WHERE step = $1`, [step]);
}
