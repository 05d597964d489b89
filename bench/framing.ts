import { createRequire } from 'node:module';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { openDatabase } from '../functions/postgres/database.ts';

/**
 * Our COPY framing against the package pg-copy-streams: the same rows from the same server to nowhere, and back into
 * an empty table from memory, in turn. The package is no dependency of the project: give a folder that has it.
 *
 *   node bench/framing.ts <folder with node_modules/pg-copy-streams> <postgresql URL> <table> [rounds]
 */
const [folder, url, table, rounds = '3'] = process.argv.slice(2);
if (!folder || !url || !table) {
  process.stderr.write('node bench/framing.ts FOLDER URL TABLE [ROUNDS]\n');
  process.exit(2);
}

interface CopyStreams {
  to(sql: string): pg.Submittable & Readable;
  from(sql: string): pg.Submittable & Writable;
}
const streams = createRequire(`${folder}/`)('pg-copy-streams') as CopyStreams;

/** 4 MiB, as frames are: what a load is given. */
const block = 4 * 1024 * 1024;
const sample = 256 * 1024 * 1024;
const emptied = `CREATE TEMP TABLE framing AS TABLE ${table} WITH NO DATA`;

const session = await (await openDatabase(url)).connect({ applicationName: 'framing' });
const client = new pg.Client({ connectionString: url });
await client.connect();
await session.execute(emptied);
await client.query(emptied);

const out = `COPY ${table} TO STDOUT`;
const into = 'COPY framing FROM STDIN';

async function ownOut(): Promise<number> {
  let bytes = 0;
  for await (const slice of session.copyOut(out, { lent: true })) bytes += slice.length;
  return bytes;
}

async function theirsOut(): Promise<number> {
  let bytes = 0;
  const count = new Writable({
    write(chunk: Buffer, _, done) {
      bytes += chunk.length;
      done();
    },
  });
  await pipeline(client.query(streams.to(out)), count);
  return bytes;
}

/** Whole rows of the table, at most `sample` bytes. */
async function rowsInMemory(): Promise<Buffer[]> {
  const slices: Buffer[] = [];
  let bytes = 0;
  const other = await (await openDatabase(url as string)).connect({ applicationName: 'framing' });
  for await (const slice of other.copyOut(out)) {
    slices.push(Buffer.from(slice));
    bytes += slice.length;
    if (bytes >= sample) break;
  }
  await other.end();
  const all = Buffer.concat(slices);
  const whole = all.subarray(0, all.lastIndexOf(0x0a) + 1);
  const blocks: Buffer[] = [];
  for (let at = 0; at < whole.length; at += block) blocks.push(whole.subarray(at, at + block));
  return blocks;
}

async function* each(blocks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* blocks;
}

async function measured(name: string, work: () => Promise<number>): Promise<void> {
  const cpu = process.cpuUsage();
  const began = performance.now();
  const bytes = await work();
  const { user, system } = process.cpuUsage(cpu);
  const perGigabyte = (microseconds: number) => ((microseconds / bytes) * 1000).toFixed(2);
  const seconds = (performance.now() - began) / 1000;
  process.stdout.write(
    `${name}: ${(bytes / 1e9).toFixed(2)} GB in ${seconds.toFixed(1)} s, CPU ${perGigabyte(user + system)} s for 1 GB (user ${perGigabyte(user)}, system ${perGigabyte(system)})\n`,
  );
}

const blocks = await rowsInMemory();
const size = blocks.reduce((sum, { length }) => sum + length, 0);
for (let round = 0; round < Number(rounds); round++) {
  await measured('out, own framing    ', ownOut);
  await measured('out, pg-copy-streams', theirsOut);
  await session.execute('TRUNCATE framing');
  await measured('in,  own framing    ', async () => {
    await session.copyIn(into, each(blocks));
    return size;
  });
  await client.query('TRUNCATE framing');
  await measured('in,  pg-copy-streams', async () => {
    await pipeline(Readable.from(blocks), client.query(streams.from(into)));
    return size;
  });
}
await session.end();
await client.end();
