import { fileURLToPath } from 'node:url';
import type { Database } from '../../functions/postgres/session.ts';
import { extractTar } from './extract-tar.ts';
import { loadDump } from './load-dump.ts';

/** The real Nautobot installations whose data is in fixtures/. */
export type NautobotFixture = 'nautobot-3.1' | 'nautobot-1.6';

function fixtureFile(fixture: NautobotFixture, file: string): string {
  return fileURLToPath(new URL(`../../fixtures/${fixture}/${file}`, import.meta.url));
}

/** Loads a Nautobot into an empty database. A role `nautobot`, which owns everything, must exist. */
export async function loadNautobot(database: Database, fixture: NautobotFixture): Promise<void> {
  const session = await database.connect({ applicationName: `load ${fixture}` });
  try {
    await loadDump(session, fixtureFile(fixture, 'nautobot.sql.gz'));
    await session.execute('ANALYZE');
  } finally {
    await session.end();
  }
}

/** Unpacks a Nautobot's media as `<directory>/media` and returns that path. */
export async function unpackMedia(fixture: NautobotFixture, directory: string): Promise<string> {
  await extractTar(fixtureFile(fixture, 'media.tar.gz'), directory);
  return `${directory}/media`;
}
