import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../functions/postgres/database.ts';
import { quoteLiteral } from '../functions/postgres/quote.ts';
import { loadNautobot } from '../local/servers/nautobot-fixture.ts';
import type { PostgresServer } from '../local/servers/postgres.ts';
import { type DemoNautobot, unpackInto } from './production.ts';

/** What has happened in production since staging was last rebuilt. */
const agedBy = `
  UPDATE public.dcim_device SET name = 'old-' || name WHERE name IS NOT NULL;
  DELETE FROM public.extras_objectchange;
  DELETE FROM public.users_token;
  CREATE TABLE public.leftover_of_an_experiment (id int PRIMARY KEY, note text);
  INSERT INTO public.leftover_of_an_experiment SELECT n, 'nobody remembers' FROM generate_series(1, 500) n`;

/**
 * Fills staging: an old copy of production that people have experimented with. Its role `nautobot_staging` has
 * another name and password than production's, may create databases and is no superuser.
 */
export async function fillStaging(server: PostgresServer): Promise<DemoNautobot> {
  const password = randomBytes(12).toString('base64url');
  const admin = await (await openDatabase(server.url('postgres'))).connect({ applicationName: 'demo' });
  try {
    await admin.execute(`CREATE ROLE nautobot_staging LOGIN CREATEDB PASSWORD ${quoteLiteral(password)}`);
    await admin.execute('CREATE DATABASE nautobot_staging OWNER nautobot_staging');
    // The fixture names this role.
    await admin.execute('CREATE ROLE nautobot');
    const [media] = await Promise.all([agedMedia(server), loadAged(server)]);
    await admin.execute('DROP ROLE nautobot');
    const url = server.url('nautobot_staging', 'nautobot_staging', password);
    return { server, url, database: await openDatabase(url), media };
  } finally {
    await admin.end();
  }
}

async function loadAged(server: PostgresServer): Promise<void> {
  const database = await openDatabase(server.url('nautobot_staging'));
  await loadNautobot(database, 'nautobot-3.1');
  const session = await database.connect({ applicationName: 'demo' });
  try {
    await session.execute(agedBy);
    await session.execute(
      'ALTER TABLE public.leftover_of_an_experiment OWNER TO nautobot_staging; REASSIGN OWNED BY nautobot TO nautobot_staging',
    );
  } finally {
    await session.end();
  }
}

async function agedMedia(server: PostgresServer): Promise<string> {
  const media = await unpackInto(server);
  await rm(join(media, 'devicetype-images'), { recursive: true });
  await writeFile(join(media, 'old-logo.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  return media;
}
