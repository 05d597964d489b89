import type { TableToRead } from '../snapshot/tables.ts';
import type { PlannedChunk, ShardPlan } from './shard-plan.ts';

export interface PlanOptions {
  /** Bytes of heap and TOAST that a shard should have at most. */
  readonly shardBytes: number;
  /** Workers at once: a small database is cut finer, so that each has something to do. */
  readonly jobs: number;
  /** Of the source, `150018`. */
  readonly serverVersion: number;
}

export interface RowsPlan {
  /** In the order of the sealed file. */
  readonly tables: readonly TableToRead[];
  readonly shards: readonly ShardPlan[];
}

/** What a table costs however empty it is: statements, a COPY, a frame. In bytes of a full one. */
const tableCost = 128 * 1024;
/** Cutting finer than this costs more in connections and objects than it wins. */
const finestShard = 8 * 1024 * 1024;
/** Shards for each worker, so that they finish at about the same time. */
const shardsPerJob = 4;
/**
 * Sealing puts a file together of 10,000 parts at most, so that a part has a ten-thousandth of it at least: of this many
 * shards, one that compresses four times as well as the others is still copied as it is, and not read together with
 * its neighbour. Each then has 4 GB in a database of 10 TB. Their numbers fit into a state of 262,144 bytes, too.
 */
const mostShards = 2_500;
/** A table is cut when it is larger than a shard by this much. */
const tolerance = 1.25;

/**
 * Cuts large tables into ranges of heap pages, a shard each, and packs the others together; the large ones come
 * first, so that what remains for the end is small. The chunks of a table follow one another.
 * Ranges of pages need TID range scans, which PostgreSQL has since 14: older servers give whole tables.
 */
export function planShards(tables: readonly TableToRead[], options: PlanOptions): RowsPlan {
  const ordered = tables
    .map((table) => ({ table, cost: table.bytes + tableCost }))
    .sort((a, b) => b.cost - a.cost || compareNames(a.table, b.table));
  const total = ordered.reduce((sum, { cost }) => sum + cost, 0);
  let target = targetBytes(total, options);
  let plan = planned(ordered, target, options.serverVersion);
  while (plan.shards.length > mostShards) {
    target *= 1.25;
    plan = planned(ordered, target, options.serverVersion);
  }
  return plan;
}

interface Costed {
  readonly table: TableToRead;
  readonly cost: number;
}

/** The plan whose shards have about `target` bytes. */
function planned(ordered: readonly Costed[], target: number, serverVersion: number): RowsPlan {
  const large: Costed[] = [];
  const small: Costed[] = [];
  for (const each of ordered) (isCut(each, target, serverVersion) ? large : small).push(each);

  const shards: ShardPlan[] = [];
  const push = (chunks: PlannedChunk[], bytes: number) =>
    shards.push({ shard: shards.length + 1, bytes, chunks });
  for (const { table, cost } of large) {
    for (const chunk of cut(table, Math.ceil(cost / target))) push([chunk], chunk.bytes);
  }
  let packed: PlannedChunk[] = [];
  let packedBytes = 0;
  for (const { table, cost } of small) {
    if (packed.length > 0 && packedBytes + cost > target) {
      push(packed, packedBytes);
      packed = [];
      packedBytes = 0;
    }
    packed.push(whole(table));
    packedBytes += cost;
  }
  if (packed.length > 0) push(packed, packedBytes);
  return { tables: [...large, ...small].map(({ table }) => table), shards };
}

function targetBytes(total: number, { shardBytes, jobs }: PlanOptions): number {
  const fair = Math.max(finestShard, Math.ceil(total / (jobs * shardsPerJob)));
  return Math.max(Math.min(shardBytes, fair), Math.ceil(total / mostShards));
}

function isCut({ table, cost }: Costed, target: number, serverVersion: number): boolean {
  return (
    serverVersion >= 14_00_00 && table.condition === null && table.pages >= 2 && cost > target * tolerance
  );
}

function whole(table: TableToRead): PlannedChunk {
  return { ...part(table), pages: null, pageCount: table.pages, bytes: table.bytes, first: true, last: true };
}

/** Ranges of the same number of pages, the last one open: rows may lie beyond the pages that there were. */
function cut(table: TableToRead, wanted: number): PlannedChunk[] {
  const count = Math.min(wanted, table.pages);
  const boundary = (index: number) => Math.floor((table.pages * index) / count);
  return Array.from({ length: count }, (_, index) => {
    const from = boundary(index);
    const end = boundary(index + 1);
    const last = index === count - 1;
    return {
      ...part(table),
      pages: { from, to: last ? null : end },
      pageCount: end - from,
      bytes: Math.round(table.bytes / count),
      first: index === 0,
      last,
    };
  });
}

function part({ oid, schema, name, columns, condition, loadThrough, changed }: TableToRead) {
  return { oid, schema, name, columns, condition, loadThrough, ...(changed && { changed }) };
}

function compareNames(a: TableToRead, b: TableToRead): number {
  if (a.schema !== b.schema) return a.schema < b.schema ? -1 : 1;
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
