import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import type { Session } from '../../functions/postgres/session.ts';
import { freshDatabase, serverUrl } from '../servers/fresh-database.ts';

let fresh: Awaited<ReturnType<typeof freshDatabase>>;
let session: Session;
const connect = async (url = fresh.url, signal?: AbortSignal) =>
  (await openDatabase(url)).connect({ applicationName: 'session test', ...(signal ? { signal } : {}) });

beforeAll(async () => {
  fresh = await freshDatabase();
  session = await connect();
  await session.execute(
    "CREATE TABLE many AS SELECT g AS id, repeat(md5(g::text), 1 + g % 40) AS text FROM generate_series(1, 60000) g; CREATE TABLE wide AS SELECT repeat('x', 9000000) AS text",
  );
});
afterAll(async () => {
  await session.end();
  await fresh.drop();
});

async function* of(...slices: (string | Buffer)[]): AsyncGenerator<Buffer> {
  for (const slice of slices) yield Buffer.from(slice);
}

describe('a session', () => {
  it('reads what COPY sends byte for byte and counts what the server counts', async () => {
    const slices: Buffer[] = [];
    const copy = session.copyOut('COPY (SELECT * FROM many ORDER BY id) TO STDOUT');
    for await (const slice of copy) slices.push(Buffer.from(slice));
    const [row] = await session.query<{ digest: string }>(
      "SELECT md5(string_agg(id || E'\\t' || text || E'\\n', '' ORDER BY id)) AS digest FROM many",
    );
    const { createHash } = await import('node:crypto');
    expect(createHash('md5').update(Buffer.concat(slices)).digest('hex')).toBe(row?.digest);
    expect(copy.rows).toBe(60000);
  });

  it('reads a row that is larger than every buffer on its way', async () => {
    let bytes = 0;
    for await (const slice of session.copyOut('COPY wide TO STDOUT')) bytes += slice.length;
    expect(bytes).toBe(9_000_001);
  });

  it('writes through COPY what it read, in slices that begin and end anywhere', async () => {
    await session.execute('CREATE TABLE copied (LIKE many)');
    const slices: Buffer[] = [];
    for await (const slice of session.copyOut('COPY many TO STDOUT')) slices.push(Buffer.from(slice));
    const whole = Buffer.concat(slices);
    const odd = Array.from({ length: Math.ceil(whole.length / 1_234_567) }, (_, n) =>
      whole.subarray(n * 1_234_567, (n + 1) * 1_234_567),
    );
    expect(await session.copyIn('COPY copied FROM STDIN', of(...odd))).toBe(60000);
    expect(await session.query('SELECT * FROM copied EXCEPT SELECT * FROM many')).toEqual([]);
  });

  it('has sent a slice by the time it asks for the next one, so that its memory can be used again', async () => {
    // A server that stops reading for a while, so that what is sent waits on this side
    await session.execute(`
      CREATE TABLE lent (id int, text text);
      CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN IF NEW.id = 0 THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END';
      CREATE TRIGGER rest BEFORE INSERT ON lent FOR EACH ROW EXECUTE FUNCTION rest()`);
    const sizes = [40_000, 10, 40_000, 70_000, 1_048_570, 40_000, 1_048_571, 5];
    const expected: string[] = [];
    const lending = async function* () {
      for (let id = 0; id < 200; id++) {
        const text = `${id}`.padEnd(sizes[id % sizes.length] ?? 0, String.fromCharCode(97 + (id % 26)));
        expected.push(`${id} ${text.length} ${text.at(-1)}`);
        const slice = Buffer.from(`${id}\t${text}\n`);
        yield slice;
        slice.fill('?');
      }
    };
    expect(await session.copyIn('COPY lent FROM STDIN', lending())).toBe(expected.length);
    const found = await session.query<{ found: string }>(
      "SELECT id || ' ' || length(text) || ' ' || right(text, 1) AS found FROM lent WHERE text = rpad(id::text, length(text), right(text, 1)) ORDER BY id",
    );
    expect(found.map((row) => row.found)).toEqual(expected);
  });

  it('goes on after a COPY that the server refused, and says what the server said', async () => {
    await expect(session.copyIn('COPY many FROM STDIN', of('x\ty\n'))).rejects.toMatchObject({
      code: 'StatementFailed',
      sqlState: '22P02',
    });
    await expect(async () => {
      for await (const _ of session.copyOut('COPY nowhere TO STDOUT'));
    }).rejects.toMatchObject({ code: 'StatementFailed', sqlState: '42P01' });
    expect(await session.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('writes nothing when the rows that it is given end in an error, and passes that error on', async () => {
    const broken = async function* () {
      yield Buffer.from('1\tx\n');
      throw new Error('the object ended early');
    };
    await session.execute('CREATE TABLE untouched (LIKE many)');
    await expect(session.copyIn('COPY untouched FROM STDIN', broken())).rejects.toThrow(
      'the object ended early',
    );
    expect(await session.query('SELECT count(*)::int AS n FROM untouched')).toEqual([{ n: 0 }]);
  });

  it('waits with reading while nobody takes the rows', async () => {
    const copy = session.copyOut("COPY (SELECT repeat('y', 100000) FROM generate_series(1, 400)) TO STDOUT");
    const rows = copy[Symbol.asyncIterator]();
    await rows.next();
    await sleep(300);
    const other = await connect();
    const [backend] = await other.query<{ wait: string }>(
      'SELECT wait_event AS wait FROM pg_stat_activity WHERE pid = $1',
      [session.processId],
    );
    expect(backend?.wait).toBe('ClientWrite');
    await other.end();
    let more = await rows.next();
    while (!more.done) more = await rows.next();
    expect(copy.rows).toBe(400);
  });

  it('says that the connection was lost when the server ends it, then and ever after', async () => {
    const victim = await connect();
    const sleeping = victim.query('SELECT pg_sleep(30)');
    sleeping.catch(() => {});
    await session.query('SELECT pg_terminate_backend($1)', [victim.processId]);
    await expect(sleeping).rejects.toMatchObject({ code: 'ConnectionLost' });
    await expect(victim.query('SELECT 1')).rejects.toMatchObject({ code: 'ConnectionLost' });
    await victim.end();
  });

  it('ends in the middle of a COPY with a lost connection, not with fewer rows', async () => {
    const victim = await connect();
    let bytes = 0;
    const reading = (async () => {
      for await (const slice of victim.copyOut(
        'COPY (SELECT m.*, n FROM many m, generate_series(1, 200) n) TO STDOUT',
      )) {
        if (bytes === 0) await session.query('SELECT pg_terminate_backend($1)', [victim.processId]);
        bytes += slice.length;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'ConnectionLost' });
    await victim.end();
  });

  it('stops at once when its signal is aborted', async () => {
    const stop = new AbortController();
    const victim = await connect(fresh.url, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 50);
    await expect(victim.query('SELECT pg_sleep(30)')).rejects.toThrow('enough');
    await victim.end();
  });

  it('keeps settings given at the start through a rollback', async () => {
    const database = await openDatabase(fresh.url);
    const pinned = await database.connect({
      applicationName: 'pinned',
      settings: { DateStyle: 'SQL, DMY', search_path: '' },
    });
    await pinned.execute('BEGIN; SET DateStyle = ISO; ROLLBACK');
    expect(await pinned.query('SHOW datestyle')).toEqual([{ DateStyle: 'SQL, DMY' }]);
    await pinned.end();
  });
});

describe('a connection that cannot be made', () => {
  it('says why, with its exit code and without the password', async () => {
    const { port } = new URL(fresh.url);
    const attempts: [string, string][] = [
      [`postgres://postgres:hunter2@127.0.0.1:${port}/postgres`, 'LoginRefused'],
      [serverUrl('no such database'), 'DatabaseMissing'],
      ['postgres://postgres:hunter2@127.0.0.1:1/postgres', 'ServerUnreachable'],
      ['postgres://postgres:hunter2@no-such-host.invalid/postgres', 'ServerUnreachable'],
    ];
    for (const [url, code] of attempts) {
      const error = await connect(url).then(
        () => undefined,
        (thrown) => thrown,
      );
      expect(error).toMatchObject({ code, exitCode: 2 });
      expect(error.message).not.toContain('hunter2');
    }
  });
});
