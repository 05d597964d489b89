import { quoteName } from '../../functions/postgres/quote.ts';
import type { Database, Session } from '../../functions/postgres/session.ts';

/** The table that grows. */
export const changeLog = 'extras_objectchange';

/** Statements that together read every row of the database once. */
export interface ReadingPlan {
  /** One list of statements for each of two connections, about the same number of bytes each. */
  readonly connections: readonly [readonly string[], readonly string[]];
  /** Bytes of COPY text that each of them reads. */
  readonly bytes: readonly [number, number];
}

/** Bytes of COPY text of all tables. */
export async function copyTextBytes(database: Database): Promise<number> {
  const session = await database.connect({ applicationName: 'bench: count' });
  try {
    let bytes = 0;
    for (const name of [...(await otherTables(session)), changeLog])
      bytes += await count(session, copyOf(name));
    return bytes;
  } finally {
    await session.end();
  }
}

/**
 * Cuts the change log at the heap page that leaves two connections as many bytes each; the other tables count too.
 * Ranges of pages need PostgreSQL 14 to be read as ranges.
 */
export async function planReading(database: Database): Promise<ReadingPlan> {
  const session = await database.connect({ applicationName: 'bench: plan' });
  try {
    const others = (await otherTables(session)).map(copyOf);
    let otherBytes = 0;
    for (const sql of others) otherBytes += await count(session, sql);
    const cut = await middlePage(session, otherBytes);
    const lower = `COPY (SELECT * FROM ONLY public.${changeLog} WHERE ctid < '(${cut},0)') TO STDOUT`;
    const upper = `COPY (SELECT * FROM ONLY public.${changeLog} WHERE ctid >= '(${cut},0)') TO STDOUT`;
    const bytes = [otherBytes + (await count(session, lower)), await count(session, upper)] as const;
    return { connections: [[...others, lower], [upper]], bytes };
  } finally {
    await session.end();
  }
}

async function otherTables(session: Session): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> '${changeLog}' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

function copyOf(name: string): string {
  return `COPY ${quoteName('public', name)} TO STDOUT`;
}

async function count(session: Session, sql: string): Promise<number> {
  let bytes = 0;
  for await (const slice of session.copyOut(sql)) bytes += slice.length;
  return bytes;
}

/** The page where the change log's text before it and `head` come to half of everything. */
async function middlePage(session: Session, head: number): Promise<number> {
  const [found] = await session.query<{ page: string }>(
    `WITH pages AS (
       SELECT (ctid::text::point)[0]::int8 AS page, sum(octet_length(c::text)) AS bytes
       FROM ONLY public.${changeLog} AS c GROUP BY 1
     ), sums AS (
       SELECT page, sum(bytes) OVER (ORDER BY page) + $1 AS upto, sum(bytes) OVER () + $1 AS total FROM pages
     )
     SELECT coalesce(min(page) FILTER (WHERE upto >= total / 2), 0)::text AS page FROM sums`,
    [head],
  );
  return Number(found?.page ?? 0);
}
