import type { Session } from '../functions/postgres/session.ts';
import { compareDatabases, type DatabaseComparison } from '../local/compare-databases.ts';
import { differingPaths, readFolder } from '../local/compare-folders.ts';
import type { DemoNautobot } from './production.ts';

export interface Check {
  readonly databases: DatabaseComparison;
  /** Files and folders below both media directories, and those that differ. */
  readonly mediaPaths: number;
  readonly differingMedia: readonly string[];
  /** Tables, sequences and views of staging that belong to another role than staging's. */
  readonly foreignOwned: number;
}

/** Compares every row, sequence, file, mode and owner of the two Nautobots. */
export async function check(production: DemoNautobot, staging: DemoNautobot): Promise<Check> {
  const [databases, here, there, foreignOwned] = await Promise.all([
    compareDatabases(production.database, staging.database),
    readFolder(production.media),
    readFolder(staging.media),
    countForeignOwned(staging),
  ]);
  return { databases, mediaPaths: here.size, differingMedia: differingPaths(here, there), foreignOwned };
}

async function countForeignOwned(nautobot: DemoNautobot): Promise<number> {
  const session: Session = await nautobot.database.connect({ applicationName: 'demo' });
  try {
    const [found] = await session.query<{ count: number }>(`
      SELECT count(*)::int AS count FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND pg_get_userbyid(relowner) <> current_user`);
    return found?.count ?? -1;
  } finally {
    await session.end();
  }
}
