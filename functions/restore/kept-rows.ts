import type { TableEntry } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import type { Database } from '../postgres/session.ts';
import { readDone } from '../target/bookkeeping.ts';
import { withLoader } from '../target/sessions.ts';
import type { Restoring } from './restoring.ts';

/** The tables of a restore with as many rows as the profile let in: what loading counted, chunk by chunk. */
export async function tablesAsKept(
  { plan, tables }: Restoring,
  target: Database,
  signal: AbortSignal,
): Promise<TableEntry[]> {
  const { profile, rebuild } = plan;
  if (!profile || profile.treatments.every(({ rows }) => rows === 'all')) return tables;
  const treatments = new Map(profile.treatments.map((one) => [relationKey(one), one]));
  const kept = await withLoader(target, rebuild, { part: 'kept', asOwner: false, signal }, countKept);
  return tables.map((table) => {
    const { rows = 'all' } = treatments.get(relationKey(table)) ?? {};
    if (rows === 'all') return table;
    return { ...table, rows: rows === 'none' ? 0 : (kept.get(relationKey(table)) ?? 0) };
  });
}

async function countKept(session: Parameters<typeof readDone>[0]): Promise<Map<string, number>> {
  const kept = new Map<string, number>();
  for (const [subject, rows] of await readDone(session, 'rows')) {
    const [schema, name]: [string, string] = JSON.parse(subject);
    const key = relationKey({ schema, name });
    kept.set(key, (kept.get(key) ?? 0) + Number(rows));
  }
  return kept;
}
