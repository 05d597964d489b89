import { expect, test } from 'vitest';
import { readManifest } from '../../functions/archive/read-manifest.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { compareDatabases } from '../../local/compare-databases.ts';
import { startPostgres } from '../../local/servers/postgres.ts';
import { findOlderPostgres } from '../../local/servers/postgres-binaries.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { freshDatabase } from '../servers/fresh-database.ts';
import { verbs } from './replicator.ts';

const schema = `
  CREATE TYPE mood AS ENUM ('sad', 'glad');
  CREATE TABLE big (id int PRIMARY KEY, body text, m mood DEFAULT 'glad', twice int GENERATED ALWAYS AS (id * 2) STORED);
  INSERT INTO big (id, body) SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 60000) n;
  DELETE FROM big WHERE id BETWEEN 20000 AND 30000 OR id > 55000;
  CREATE TABLE one (id int PRIMARY KEY, other int);
  CREATE TABLE other (id int PRIMARY KEY, one int REFERENCES one);
  INSERT INTO one VALUES (1, 1); INSERT INTO other VALUES (1, 1);
  ALTER TABLE one ADD FOREIGN KEY (other) REFERENCES other;
  CREATE TABLE parted (id int, at date) PARTITION BY RANGE (at);
  CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-07-01');
  CREATE TABLE parted_2 PARTITION OF parted DEFAULT;
  INSERT INTO parted SELECT n, date '2026-01-01' + n FROM generate_series(1, 300) n;
  CREATE MATERIALIZED VIEW counted AS SELECT m, count(*) FROM big GROUP BY m;
  CREATE INDEX ON big (md5(body));
  CREATE SEQUENCE loose START 7; SELECT nextval('loose');
`;

for (const major of [12, 13]) {
  const binaries = await findOlderPostgres(major);
  if (!binaries) {
    test(`PostgreSQL ${major} does not come with the project on this platform, so it was not tried`, () => {
      expect(`${process.platform}-${process.arch}`).not.toBe('linux-x64');
    });
    continue;
  }

  test(`a PostgreSQL ${major}, which has no TID range scans, is backed up table by table and restored into a newer one`, async () => {
    const server = await startPostgres({ binaries, localeArguments: ['--encoding=UTF8', '--locale=C'] });
    const target = await freshDatabase();
    try {
      const database = await openDatabase(server.url('postgres'));
      const session = await database.connect({ applicationName: 'test' });
      await session.execute(schema);
      await session.end();
      const store = (await freshBucket()).uri();
      const { backupId } = await verbs().backup({
        source: server.url('postgres'),
        store,
        shardSize: 8 * 1024 * 1024,
      });
      const manifest = await readManifest(openStore(store), backupId);
      expect(Math.floor(manifest.source.serverVersionNum / 10_000)).toBe(major);
      expect(manifest.tables.find(({ name }) => name === 'big')?.chunks).toMatchObject([{ pages: null }]);
      await verbs().restore({ store, target: target.url });
      const compared = await compareDatabases(database, await openDatabase(target.url));
      expect(compared).toMatchObject({ tables: [], sequences: [] });
      // Since PostgreSQL 18 NOT NULL is a constraint with a name
      expect(compared.definitions.filter((name) => !name.endsWith('_not_null'))).toEqual([]);
      expect(compared.sameRows).toBeGreaterThan(40_000);
    } finally {
      await target.drop();
      await server.stop();
    }
  }, 120_000);
}
