import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../functions/postgres/database.ts';
import { quoteLiteral } from '../functions/postgres/quote.ts';
import type { Database } from '../functions/postgres/session.ts';
import { loadNautobot, unpackMedia } from '../local/servers/nautobot-fixture.ts';
import type { PostgresServer } from '../local/servers/postgres.ts';

/** A Nautobot as the demo knows it: where its database is, as which role, and where its media are. */
export interface DemoNautobot {
  readonly server: PostgresServer;
  /** As the role that owns the database, which is no superuser. */
  readonly url: string;
  readonly database: Database;
  readonly media: string;
}

/** Fills production: a real Nautobot 3.1, owned by the role `nautobot`. */
export async function fillProduction(server: PostgresServer): Promise<DemoNautobot> {
  const password = randomBytes(12).toString('base64url');
  const admin = await (await openDatabase(server.url('postgres'))).connect({ applicationName: 'demo' });
  try {
    await admin.execute(`CREATE ROLE nautobot LOGIN PASSWORD ${quoteLiteral(password)}`);
    await admin.execute('CREATE DATABASE nautobot OWNER nautobot');
  } finally {
    await admin.end();
  }
  const [media] = await Promise.all([
    unpackInto(server),
    loadNautobot(await openDatabase(server.url('nautobot')), 'nautobot-3.1'),
  ]);
  const url = server.url('nautobot', 'nautobot', password);
  return { server, url, database: await openDatabase(url), media };
}

/** Media lie in the server's folder, which goes away with it however the demo ends. */
export async function unpackInto(server: PostgresServer): Promise<string> {
  const folder = join(server.directory, 'nautobot-home');
  await mkdir(folder);
  return unpackMedia('nautobot-3.1', folder);
}
