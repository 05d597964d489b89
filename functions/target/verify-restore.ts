import type { SequenceEntry, TableEntry } from '../archive/manifest.ts';
import type { PostData } from '../definitions/post-data-groups.ts';
import type { Database } from '../postgres/session.ts';
import { readOutcomeOf } from './bookkeeping.ts';
import { compareDefinitions } from './compare-definitions.ts';
import { compareRows } from './compare-rows.ts';
import { compareSequences } from './compare-sequences.ts';
import { RestoreVerificationFailed } from './errors.ts';
import type { Rebuild } from './rebuild.ts';
import { withLoader } from './sessions.ts';

export interface VerifyOptions {
  readonly postData: PostData;
  readonly tables: readonly TableEntry[];
  readonly sequences: readonly SequenceEntry[];
  /** Sessions at once. */
  readonly jobs: number;
  readonly signal?: AbortSignal | undefined;
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
 * @throws RestoreVerificationFailed naming what differs
 */
export async function verifyRestore(
  target: Database,
  rebuild: Rebuild,
  options: VerifyOptions,
): Promise<VerifiedRestore> {
  const { tables, postData, sequences, signal } = options;
  const loaded = tables.filter(({ content }) => content === 'rows');
  const sanitized = await withLoader(target, rebuild, { part: 'verify', asOwner: false, signal }, (session) =>
    readOutcomeOf<{ touched: SanitizedTable[] }>(session, 'sanitize'),
  );
  const rows = await compareRows(target, rebuild, loaded, sanitized?.touched ?? [], options);
  const found = await withLoader(
    target,
    rebuild,
    { part: 'verify', asOwner: false, signal },
    async (session) => ({
      definitions: await compareDefinitions(session, postData),
      sequences: await compareSequences(session, sequences),
    }),
  );
  const differences = [...rows.differences, ...found.definitions.differences, ...found.sequences];
  if (differences.length > 0) {
    const more = differences.length > shown ? `\n- and ${differences.length - shown} more` : '';
    const list = differences.slice(0, shown).map((one) => `\n- ${one}`);
    throw new RestoreVerificationFailed(
      `the rebuilt database is not what the backup says, so it does not come into use:${list.join('')}${more}`,
    );
  }
  return {
    tables: loaded.length,
    rows: rows.rows,
    ...found.definitions.counts,
    sequences: sequences.length,
  };
}
