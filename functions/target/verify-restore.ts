import type { SequenceEntry, TableEntry } from '../archive/manifest.ts';
import type { PostData } from '../definitions/post-data-groups.ts';
import type { Database } from '../postgres/session.ts';
import { readOutcomeOf } from './bookkeeping.ts';
import { compareDefinitions } from './compare-definitions.ts';
import { compareRows, forgetCounts } from './compare-rows.ts';
import { compareSequences } from './compare-sequences.ts';
import { RestoreVerificationFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import type { WorkOptions } from './run-work.ts';
import { withLoader } from './sessions.ts';

export interface VerifyOptions extends WorkOptions {
  readonly postData: PostData;
  readonly tables: readonly TableEntry[];
  readonly sequences: readonly SequenceEntry[];
}

export interface VerifiedRestore {
  readonly tables: number;
  readonly rows: number;
  readonly indexes: number;
  readonly constraints: number;
  readonly triggers: number;
  readonly sequences: number;
}

/** What sanitising left, so that verification doesn't take it for a loss. */
export interface SanitizedTable {
  readonly schema: string;
  readonly name: string;
  readonly rows: number;
}

const shown = 20;

/**
 * Holds the rebuilt database against the backup: rows of every table counted, every index and constraint there and
 * valid, every trigger and policy there, every sequence at its value. Changes nothing.
 * @returns undefined: the lifetime is nearly over and there is more to count
 * @throws RestoreVerificationFailed naming what differs
 */
export async function verifyRestore(
  target: Database,
  rebuild: Rebuild,
  options: VerifyOptions,
): Promise<VerifiedRestore | undefined> {
  const { postData, sequences, signal } = options;
  const rows = await countRows(target, rebuild, options);
  if (rows === undefined) return undefined;
  const sessions = { part: 'verify', asOwner: false, signal };
  const found = await withLoader(target, rebuild, sessions, async (session) => {
    const definitions = await compareDefinitions(session, postData);
    const different = await compareSequences(session, sequences);
    await forgetCounts(session);
    return { definitions, sequences: different };
  });
  const differences = [...rows.differences, ...found.definitions.differences, ...found.sequences];
  if (differences.length > 0) {
    const more = differences.length > shown ? `\n- and ${differences.length - shown} more` : '';
    const list = differences.slice(0, shown).map((one) => `\n- ${one}`);
    throw new RestoreVerificationFailed(
      `the rebuilt database is not what the backup says, so it does not come into use:${list.join('')}${more}`,
    );
  }
  return {
    tables: rows.tables,
    rows: rows.rows,
    ...found.definitions.counts,
    sequences: sequences.length,
  };
}

/**
 * Counts rows as `verifyRestore` will want to know them, which then doesn't count them again.
 * @returns undefined: the lifetime is nearly over and there is more to count
 */
export async function countRows(
  target: Database,
  rebuild: Rebuild,
  options: Omit<VerifyOptions, 'postData' | 'sequences'>,
): Promise<
  { readonly tables: number; readonly rows: number; readonly differences: readonly string[] } | undefined
> {
  const { tables, signal } = options;
  const loaded = tables.filter(({ content }) => content === 'rows');
  const sanitized = await withLoader(target, rebuild, { part: 'verify', asOwner: false, signal }, (session) =>
    readOutcomeOf<{ touched: SanitizedTable[] }>(session, 'sanitize'),
  );
  const rows = await compareRows(target, rebuild, loaded, sanitized?.touched ?? [], options);
  return rows && { ...rows, tables: loaded.length };
}
