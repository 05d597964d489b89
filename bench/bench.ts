import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, count, duration } from '../cli/text/quantities.ts';
import { type DatabaseFingerprint, fingerprintDatabase } from '../local/compare-databases.ts';
import { loadNautobot } from '../local/servers/nautobot-fixture.ts';
import { contenders } from './contenders/all.ts';
import { planReading } from './data/copy-text.ts';
import { growChangeLog } from './data/grow-change-log.ts';
import { commit, describeMachine } from './machine.ts';
import type { BenchOptions } from './options.ts';
import { Entry } from './race.ts';
import type { BenchResults } from './results.ts';
import { type BenchServers, startServers } from './servers/servers.ts';

/** Prints one line for a person who waits. */
export type Say = (line: string) => void;

/** Starts servers, makes the database, lets every contender run `options.rounds` times in turn, stops the servers. */
export async function bench(options: BenchOptions, say: Say, signal: AbortSignal): Promise<BenchResults> {
  const servers = await startServers(options.jobs);
  // What waits for a server fails as soon as that is gone.
  const stop = () => void servers.stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    say(`PostgreSQL: ${servers.serverVersion}, one for the source and one for targets`);
    say(`S3 server: ${servers.store.kind}`);
    const at = new Date().toISOString();
    const database = await makeDatabase(servers, options.gigabytes, say);
    const entries = await enter(servers, options.only, say, signal);
    for (let round = 1; round <= options.rounds; round++) await runRound(entries, round, options.rounds, say);
    await servers.emptyWork();
    const source = await fingerprintDatabase(servers.sourceDatabase);
    await checkAll(entries, source, say);
    let rows = 0;
    for (const table of source.tables.values()) rows += table.rows;
    return {
      version: 1,
      at,
      commit: await commit(),
      ...(options.note !== undefined && { note: options.note }),
      machine: await describeMachine(servers),
      gigabytes: options.gigabytes,
      jobs: options.jobs,
      rounds: options.rounds,
      database: { ...database, tables: source.tables.size, rows },
      contenders: entries.map((entry) => entry.result()),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
    await servers.stop();
  }
}

async function makeDatabase(
  servers: BenchServers,
  gigabytes: number,
  say: Say,
): Promise<Omit<BenchResults['database'], 'tables' | 'rows'>> {
  const began = performance.now();
  await loadNautobot(servers.sourceDatabase, 'nautobot-3.1');
  await growChangeLog(servers.sourceDatabase, gigabytes * 1e9, servers.jobs);
  const { connections, bytes: halves } = await planReading(servers.sourceDatabase);
  await mkdir(servers.reading, { recursive: true });
  for (const [index, name] of ['first.sql', 'second.sql'].entries())
    await writeFile(join(servers.reading, name), `${connections[index]?.join(';\n')};\n`);
  const session = await servers.sourceDatabase.connect({ applicationName: 'bench' });
  const [size] = await session.query<{ bytes: string }>(
    'SELECT pg_database_size(current_database())::text AS bytes',
  );
  await session.end();
  const copyTextBytes = halves[0] + halves[1];
  const databaseBytes = Number(size?.bytes);
  say(
    `Database: ${bytes(databaseBytes)}, ${bytes(copyTextBytes)} of COPY text (made in ${duration(performance.now() - began)})`,
  );
  return { copyTextBytes, databaseBytes, halves };
}

/** Restores whose backup is left out need it all the same, unmeasured. */
async function enter(
  servers: BenchServers,
  only: readonly string[] | undefined,
  say: Say,
  signal: AbortSignal,
): Promise<Entry[]> {
  const entries = await Promise.all(contenders.map((contender) => Entry.of(contender, servers, signal)));
  const chosen = ({ contender: { name } }: Entry) => only === undefined || only.includes(name);
  for (const entry of entries) {
    if (!chosen(entry)) continue;
    if (!entry.runs) say(`MISSING  ${entry.contender.title}: ${entry.reason}`);
    const read = entries.find(({ contender }) => contender.name === entry.contender.reads);
    if (entry.runs && read !== undefined && !chosen(read)) await read.run(false);
  }
  for (const entry of entries) if (!chosen(entry)) entry.leaveOut();
  return entries;
}

/** Every round begins with another contender, so that none always follows the same one. */
async function runRound(entries: readonly Entry[], round: number, rounds: number, say: Say): Promise<void> {
  const outs = entries.filter(({ contender: { kind } }) => kind === 'backup' || kind === 'limit');
  const ins = entries.filter((entry) => !outs.includes(entry));
  for (const entry of [...turned(outs, round - 1), ...turned(ins, round - 1)]) {
    if (!entry.runs) continue;
    await entry.run(true);
    const run = entry.lastRun;
    const title = `round ${round} of ${rounds}  ${entry.contender.title}:`;
    if (!entry.runs || run === undefined) say(`${title} FAILED: ${entry.reason}`);
    else
      say(
        `${title} ${run.seconds.toFixed(1)} s, ${run.cpuSeconds.toFixed(1)} s CPU, ${bytes(run.peakBytes)} resident`,
      );
    if (round < rounds || !entry.runs) await entry.dropTarget();
  }
}

function turned<Item>(items: readonly Item[], by: number): Item[] {
  const start = items.length === 0 ? 0 : by % items.length;
  return [...items.slice(start), ...items.slice(0, start)];
}

async function checkAll(entries: readonly Entry[], source: DatabaseFingerprint, say: Say): Promise<void> {
  const running = entries.filter((entry) => entry.runs && entry.contender.kind !== 'limit');
  // Restores first: what they say holds for the backup that they have read.
  const restored = running.filter(({ contender }) => contender.rebuild === undefined);
  const archives = running.filter(({ contender }) => contender.rebuild !== undefined);
  const check = async (entry: Entry) => {
    if (entry.isChecked) return;
    await entry.check(source);
    for (const archive of archives)
      if (archive.contender.name === entry.contender.reads) archive.adoptCheck(entry);
    await entry.dropTarget();
    const { check, reason } = entry.result();
    const verdict = check?.equal
      ? `${count(check.tables)} tables and ${count(check.rows)} rows are the source's`
      : `DIFFERS: ${check?.differences.slice(0, 5).join(', ') ?? reason}`;
    say(`check  ${entry.contender.title}: ${verdict}`);
  };
  await atOnce(restored, check);
  await atOnce(archives, check);
}

/** Nothing is measured any more: two at a time take half of the time. */
async function atOnce(entries: readonly Entry[], work: (entry: Entry) => Promise<void>): Promise<void> {
  const waiting = [...entries];
  const next = async () => {
    for (let entry = waiting.shift(); entry; entry = waiting.shift()) await work(entry);
  };
  await Promise.all([next(), next()]);
}
