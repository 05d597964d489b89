import { readFile } from 'node:fs/promises';
import type { Database, Session } from '../../functions/postgres/session.ts';
import { copyTextBytes } from './copy-text.ts';

/** Histories that one statement adds: some 30 MB of COPY text. */
const perStatement = 2;

/**
 * Grows the change log until the whole database is about that much COPY text.
 * @param workers connections that insert at the same time
 */
export async function growChangeLog(database: Database, bytes: number, workers: number): Promise<void> {
  const sql = await readFile(new URL('grow-change-log.sql', import.meta.url), 'utf8');
  const sessions = await Promise.all(
    Array.from({ length: workers }, () => database.connect({ applicationName: 'bench: grow' })),
  );
  try {
    const [first] = sessions as [Session];
    const before = await copyTextBytes(database);
    await first.query(sql, [1, 1]);
    const perHistory = (await copyTextBytes(database)) - before;
    const histories = Math.max(0, Math.round((bytes - before) / perHistory));
    let next = 2;
    await Promise.all(
      sessions.map(async (session) => {
        while (next <= histories) {
          const from = next;
          next += perStatement;
          await session.query(sql, [from, Math.min(next - 1, histories)]);
        }
      }),
    );
    await first.execute('VACUUM (FREEZE, ANALYZE)');
  } finally {
    await Promise.all(sessions.map((session) => session.end()));
  }
}
