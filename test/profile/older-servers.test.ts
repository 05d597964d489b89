import { expect, test } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { loadNautobot } from '../../local/servers/nautobot-fixture.ts';
import { startPostgres } from '../../local/servers/postgres.ts';
import { findOlderPostgres } from '../../local/servers/postgres-binaries.ts';
import { verbs } from '../round-trip/replicator.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { findMarkers, plantSecrets } from './planted.ts';

const key = 'a key that nobody should read in a log';

test.runIf(process.platform === 'linux' && process.arch === 'x64').each([12, 15])(
  'Nautobot 1.6 on PostgreSQL %d is masked at the source and at the restore, and the key is in no statement that the server logs',
  async (major) => {
    const binaries = await findOlderPostgres(major);
    if (!binaries) throw new Error(`PostgreSQL ${major} did not come with the project: run npm ci`);
    const server = await startPostgres({
      binaries,
      localeArguments: ['--encoding=UTF8', '--locale=C'],
      settings: {
        logging_collector: 'on',
        log_directory: 'log',
        log_statement: 'all',
        log_min_duration_statement: '0',
      },
    });
    process.env.REPLICATOR_MASK_KEY = key;
    try {
      const admin = await openDatabase(server.url('postgres'));
      const session = await admin.connect({ applicationName: 'test' });
      await session.execute('CREATE ROLE nautobot');
      for (const name of ['production', 'staging', 'other']) await session.execute(`CREATE DATABASE ${name}`);
      const production = await openDatabase(server.url('production'));
      await loadNautobot(production, 'nautobot-1.6');
      const source = await production.connect({ applicationName: 'test' });
      const planted = await plantSecrets(source);
      const [whole, masked] = [(await freshBucket()).uri(), (await freshBucket()).uri()];
      await verbs().backup({ source: server.url('production'), store: whole });
      await verbs().restore({ store: whole, target: server.url('staging'), profile: 'nautobot' });
      await verbs().backup({ source: server.url('production'), store: masked, profile: 'nautobot' });
      await verbs().restore({ store: masked, target: server.url('other') });
      const users: unknown[] = [];
      for (const name of ['staging', 'other']) {
        const staging = await (await openDatabase(server.url(name))).connect({ applicationName: 'test' });
        expect(await findMarkers(staging, planted)).toEqual([]);
        users.push(await staging.query('SELECT id, username, email FROM auth_user ORDER BY id'));
        await staging.end();
      }
      expect(users[0]).toEqual(users[1]);

      // As it is given, and as sessions have it
      const log = `SELECT string_agg(pg_read_file('log/' || f), '') AS text FROM pg_ls_dir('log') f`;
      const [{ text } = { text: '' }] = await session.query<{ text: string }>(log);
      expect(text).toContain('replicator.mask_inner');
      expect(text).not.toContain(key);
      const inner = Buffer.from(key).map((byte) => byte ^ 0x36);
      expect(text).not.toContain(Buffer.from(inner).toString('hex').slice(0, 32));
      await source.end();
      await session.end();
    } finally {
      delete process.env.REPLICATOR_MASK_KEY;
      await server.stop();
    }
  },
  120_000,
);
