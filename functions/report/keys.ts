import { runKey } from '../run/keys.ts';
import type { RunId } from '../run/run-id.ts';

export const reportsFolder = 'reports/';

export const keys = {
  report: (runId: RunId) => `${reportsFolder}${runId}.json`,
  section: (runId: RunId, state: string) => runKey(runId, `report/${state}.json`),
  notes: (runId: RunId, state: string) => runKey(runId, `notes/${state}.json`),
  notesFolder: (runId: RunId) => runKey(runId, 'notes/'),
  time: (runId: RunId, state: string) => runKey(runId, `times/${state}.json`),
  timesFolder: (runId: RunId) => runKey(runId, 'times/'),
} as const;
