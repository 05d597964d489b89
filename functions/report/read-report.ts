import { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { ReportUnknown, ReportUnreadable } from './errors.ts';
import { keys, reportsFolder } from './keys.ts';
import { Report } from './report.ts';

/** How many ids a message about an unknown one lists. */
const idsListed = 5;

/** @throws ReportUnknown, ReportUnreadable */
export async function readReport(store: ObjectStore, runId: RunId): Promise<Report> {
  const report = await findReport(store, runId);
  if (report) return report;
  const ids = (await listReports(store)).slice(0, idsListed);
  throw new ReportUnknown(
    ids.length === 0
      ? nothingThere(store)
      : `there is no report of a restore ${runId} at ${store.uri('')}; the newest are: ${ids.join(', ')}`,
  );
}

/** undefined when there is none. @throws ReportUnreadable */
export async function findReport(store: ObjectStore, runId: RunId): Promise<Report | undefined> {
  const found = await store.get(keys.report(runId));
  if (!found) return undefined;
  const parsed = Report.safeParse(parse(found.body));
  if (parsed.success) return parsed.data;
  throw new ReportUnreadable(`${store.uri(found.facts.key)} can't be read as a report`, {
    cause: parsed.error,
  });
}

/**
 * Of the restore that began last. Ids tell seconds apart: of several that began in one, the reports are asked.
 * @throws ReportUnknown, ReportUnreadable
 */
export async function latestReport(store: ObjectStore): Promise<Report> {
  const ids = await listReports(store);
  const [newest] = ids;
  if (newest === undefined) throw new ReportUnknown(nothingThere(store));
  const candidates = ids.filter((id) => secondOf(id) === secondOf(newest));
  const reports = await Promise.all(candidates.map((id) => readReport(store, id)));
  return reports.reduce((last, report) => (report.startedAt > last.startedAt ? report : last));
}

/** Ids of restores that have a report, newest first. */
async function listReports(store: ObjectStore): Promise<RunId[]> {
  const ids: RunId[] = [];
  for await (const { key } of store.list(reportsFolder)) {
    const id = RunId.safeParse(/([^/]+)\.json$/.exec(key)?.[1]);
    if (id.success) ids.push(id.data);
  }
  return ids.sort().reverse();
}

/** `20261123T054300Z` */
function secondOf(id: RunId): string {
  return id.slice(0, id.indexOf('-'));
}

function nothingThere(store: ObjectStore): string {
  return `there is no report at ${store.uri(reportsFolder)} yet: restores leave one, or correct --store`;
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
