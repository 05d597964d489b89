import { z } from 'zod';
import { readFailure } from '../run/failure.ts';
import type { RunId } from '../run/run-id.ts';
import { find } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys } from './keys.ts';
import { readTime } from './recording-time.ts';
import { Report, reportVersion, type StateTime } from './report.ts';
import { type SectionName, sections } from './sections.ts';

/** What is known of a run besides what its states left. */
export interface ReportedRun {
  readonly runId: RunId;
  readonly startedAt: string;
  readonly target: Report['target'];
  readonly keepPrevious: boolean;
  /** What the run ended with. */
  readonly outcome: string;
}

/**
 * Puts together what the states of a restore left and stores it as its report, before what they left is removed.
 * Repeatable; the first report of a run stays.
 */
export async function storeReport(store: ObjectStore, run: ReportedRun): Promise<void> {
  const { runId, outcome } = run;
  const states = await statesOf(store, runId);
  const failure = outcome === 'restored' ? undefined : await readFailure(store, { runId, round: 1 });
  const found = await sectionsOf(store, runId);
  const report: Report = {
    format: 'nautobot-replicator-report',
    version: reportVersion,
    runId,
    outcome: outcome.toLowerCase(),
    startedAt: new Date(run.startedAt).toISOString(),
    endedAt: new Date().toISOString(),
    target: run.target,
    keepPrevious: run.keepPrevious,
    failure: failure ? { error: failure.error, message: failure.message, state: failure.state } : null,
    sections: found,
    notes: await notesOf(store, runId),
    states,
  };
  await store.putNew(
    keys.report(runId),
    `${JSON.stringify(Report.parse(report), null, 1)}\n`,
    'application/json',
  );
}

async function sectionsOf(store: ObjectStore, runId: RunId): Promise<Report['sections']> {
  const names = Object.keys(sections) as SectionName[];
  const found = await Promise.all(
    names.map(async (name) => {
      const key = keys.section(runId, name);
      return [name, (await store.head(key)) && (await find(store, key, sections[name]))];
    }),
  );
  return Object.fromEntries(found.filter(([, section]) => section !== undefined));
}

/** What a state has to say to a person. */
const Notes = z.array(z.string());

/** Everything that states noted, each note once. */
export async function notesOf(store: ObjectStore, runId: RunId): Promise<string[]> {
  const all: string[] = [];
  for await (const { key } of store.list(keys.notesFolder(runId)))
    all.push(...(await find(store, key, Notes)));
  return [...new Set(all)];
}

async function statesOf(store: ObjectStore, runId: RunId): Promise<StateTime[]> {
  const times: StateTime[] = [];
  for await (const { key } of store.list(keys.timesFolder(runId))) {
    const time = await readTime(store, key);
    if (time) times.push(time);
  }
  return withWorkers(times.sort((a, b) => (a.beganAt < b.beganAt ? -1 : 1)));
}

/** The one state whose workers leave no times of their own lies between these two. */
function withWorkers(times: readonly StateTime[]): StateTime[] {
  const at = times.findIndex(({ state }) => state === 'LoadPreData');
  const [before, after] = [times[at], times[at + 1]];
  if (!before || !after) return [...times];
  const [beganAt, endedAt] = [before.endedAt, after.beganAt];
  const seconds = Math.max(0, (Date.parse(endedAt) - Date.parse(beganAt)) / 1000);
  const workers: StateTime = { state: 'LoadRowsAndMedia', beganAt, endedAt, seconds, invocations: 1 };
  return times.toSpliced(at + 1, 0, workers);
}
