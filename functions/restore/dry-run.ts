import { z } from 'zod';
import type { Database } from '../postgres/session.ts';
import { CheckEntry, checkEntry, refusalsOf } from '../run/check.ts';
import { RunId } from '../run/run-id.ts';
import { planRebuild } from '../target/rebuild.ts';
import type { Examination } from './examine.ts';

const amount = z.int().nonnegative();

/** What a dry run of a restore finds: what would be done, and all that speaks for and against it. */
export const RestoreDryRun = z.object({
  dryRun: z.literal(true),
  backupId: RunId,
  /** When the backup's rows were as they are in it. */
  snapshotAt: z.string(),
  source: z.object({ host: z.string(), port: amount, database: z.string() }),
  target: z.object({ host: z.string(), port: amount, database: z.string() }),
  scope: z.enum(['database', 'tables']),
  /** The database that would be built in; null: the target could not be looked at. */
  hidden: z.string().nullable(),
  tables: amount,
  rows: amount,
  /** As text. */
  bytes: amount,
  /** null: media would stay as they are. */
  media: z.object({ files: amount, bytes: amount }).nullable(),
  checks: z.array(CheckEntry),
  /** Nothing was refused. */
  possible: z.boolean(),
  /** What a restore would end with now; 0: it would begin. */
  exitCode: amount,
});
export type RestoreDryRun = z.infer<typeof RestoreDryRun>;

/** What an examination comes to, when nothing follows from it. */
export function dryRunOf(found: Examination, target: Database, runId: RunId): RestoreDryRun {
  const { manifest, scope, entries, checks } = found;
  const [gravest] = refusalsOf(checks);
  const place = ({ host, port, database }: RestoreDryRun['target']) => ({ host, port, database });
  return {
    dryRun: true,
    backupId: manifest.backupId,
    snapshotAt: manifest.snapshotAt,
    source: place(manifest.source),
    target: place(target.address),
    scope,
    hidden: found.target ? planRebuild(runId, found.target.facts).hidden : null,
    tables: entries.filter(({ content }) => content === 'rows').length,
    rows: entries.reduce((sum, { rows }) => sum + rows, 0),
    bytes: entries.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
    media: mediaOf(found),
    checks: checks.map(checkEntry),
    possible: gravest === undefined,
    exitCode: gravest?.exitCode ?? 0,
  };
}

function mediaOf({ media, manifest }: Examination): RestoreDryRun['media'] {
  if (!media || typeof manifest.media === 'string') return null;
  return { files: manifest.media.files, bytes: manifest.media.bytes };
}
