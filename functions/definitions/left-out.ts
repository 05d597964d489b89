import type { Session } from '../postgres/session.ts';

/** Kinds of objects that a backup doesn't hold, and what to say when a database has some. */
const sentences: Readonly<Record<string, (count: number) => string>> = {
  'large objects': (count) =>
    `${count} large ${count === 1 ? 'object' : 'objects'} (pg_largeobject) not backed up; keep such data in bytea columns, or export it yourself`,
  subscriptions: (count) =>
    `${count} ${count === 1 ? 'subscription' : 'subscriptions'} left out: a copy must not receive what the source receives`,
  'security labels': (count) =>
    `${count} security ${count === 1 ? 'label' : 'labels'} left out: their provider may be missing where they are restored`,
};

/** What pg_dump is told to leave out and this database has, for a person to read. Reads under the session's snapshot. */
export async function notesOnLeftOut(session: Session): Promise<string[]> {
  const counts = await session.query<{ what: string; count: string }>(`
    SELECT 'large objects' AS what, pg_catalog.count(*)::text AS count FROM pg_catalog.pg_largeobject_metadata
    UNION ALL
    SELECT 'subscriptions', pg_catalog.count(*)::text FROM pg_catalog.pg_subscription WHERE subdbid =
      (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    UNION ALL
    SELECT 'security labels', pg_catalog.count(*)::text FROM pg_catalog.pg_seclabel`);
  return counts
    .filter(({ count }) => count !== '0')
    .flatMap(({ what, count }) => sentences[what]?.(Number(count)) ?? []);
}
