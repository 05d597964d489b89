import type { TableChunk, TableEntry } from '../archive/manifest.ts';
import { planLoad } from '../restore/plan-load.ts';
import { planShards } from '../rows/plan-shards.ts';
import type { DatabaseShape, TableShape } from './database-shape.ts';
import { chunkBytes, mediaShards, type RunOptions } from './estimate-backup.ts';
import { chunkTextBytes } from './rates.ts';
import { type RunEstimate, RunTally } from './run-tally.ts';
import * as works from './work.ts';

export interface RestoreEstimate extends RunEstimate {
  /** Workers' tasks. */
  readonly shards: number;
  readonly mediaShards: number;
}

/** What a restore of that backup takes, indexes included. */
export function estimateRestore(shape: DatabaseShape, options: RunOptions): RestoreEstimate {
  const { jobs } = options;
  const tally = new RunTally();
  const plans = planLoad(entriesOf(shape, options), jobs);
  const media = mediaShards(shape.media, options.shardBytes);

  tally.step('Begin', works.work(0.01));
  tally.step('Lock', works.small);
  tally.step('PlanRestore', works.planRestore(shape.tables.length, plans.length));
  tally.step('CreateDatabase', works.work(2, 3, 1));
  tally.step('LoadPreData', works.loadPreData(shape));
  const loaded = tally.fanOut(
    'LoadShard',
    plans.map(({ chunks }) =>
      works.loadShard(
        chunks.length,
        chunks.reduce((total, { chunk }) => total + chunk.rawBytes, 0),
      ),
    ),
    { jobs, states: 3 },
  );
  const extracted = tally.fanOut(
    'ExtractMedia',
    media.map(({ files, bytes }) => works.extractMedia(files, bytes)),
    { jobs, states: 1 },
  );
  tally.seconds += Math.max(loaded, extracted);
  tally.pass(3);
  tally.step('Sanitize', works.small, true);
  tally.step('BuildIndexes', works.buildIndexes(shape, jobs), true);
  tally.step('AddConstraints', works.addConstraints(shape, jobs), true);
  tally.step('AddTriggers', works.small, true);
  tally.step('RefreshViews', works.small, true);
  tally.step('SetSequences', works.setSequences(shape));
  tally.step('Analyze', works.analyze(shape, jobs), true);
  tally.step('VerifyRestore', works.verifyRestore(shape, jobs), true);
  tally.step('SwitchOver', works.switchOver);
  tally.pass(2);
  tally.pass(1);
  tally.step('CleanUp', works.cleanUp(plans.length + media.length));
  tally.step('AnnounceRestore', works.work(0.01));
  return { ...tally.estimate(), shards: plans.length, mediaShards: media.length };
}

/** The tables as the manifest of such a backup would have them. */
export function entriesOf(shape: DatabaseShape, options: RunOptions): TableEntry[] {
  const byOid = new Map(shape.tables.map((table) => [table.oid, table]));
  const chunks = new Map<TableShape, TableChunk[]>();
  for (const shard of planShards(shape.tables, options).shards)
    for (const planned of shard.chunks) {
      const table = byOid.get(planned.oid);
      if (!table || table.bytes === 0) continue;
      const { text, stored } = chunkBytes(table, planned, shape.ratios);
      const pieces = Math.max(1, Math.ceil(text / chunkTextBytes));
      const known = chunks.get(table) ?? [];
      chunks.set(table, known);
      for (let piece = 0; piece < pieces; piece += 1) known.push(chunkOf(text / pieces, stored / pieces));
    }
  return shape.tables.map((table) => {
    const own = chunks.get(table) ?? [];
    return {
      schema: table.schema,
      name: table.name,
      columns: table.columns,
      rows: own.length,
      rawBytes: own.reduce((total, { rawBytes }) => total + rawBytes, 0),
      content: 'rows',
      loadThrough: null,
      chunks: own,
    };
  });
}

function chunkOf(text: number, stored: number): TableChunk {
  const rawBytes = Math.max(1, Math.round(text));
  return {
    offset: 0,
    length: Math.round(stored),
    frames: 1,
    rawBytes,
    sha256: '',
    rows: 1,
    pages: null,
  };
}
