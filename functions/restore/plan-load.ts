import type { TableChunk, TableEntry } from '../archive/manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import { changesRows, isKeyed, masksOf, predicateOf, type Treatment } from '../profile/treatment.ts';
import type { LoadPlan } from './records.ts';

const mebibyte = 1024 * 1024;

/** What a chunk costs however few its rows are: a transaction, a TRUNCATE, a read. In bytes of rows. */
const chunkCost = mebibyte / 4;
const finestShard = 4 * mebibyte;
/** A gibibyte of rows is loaded in about a minute; what is lost with a worker is no more than that. */
const coarsestShard = 1024 * mebibyte;
const shardsPerJob = 6;
/** The array of shard numbers has to fit into a state of 262,144 bytes, together with that of the media. */
const mostShards = 10_000;

interface Piece {
  readonly table: TableEntry;
  readonly index: number;
  readonly chunk: TableChunk;
  readonly cost: number;
  readonly treatment: Treatment | undefined;
}

/**
 * Deals the chunks of tables out to workers, the large ones first, the small ones packed together. A shard holds about
 * a gibibyte of rows at most, more where one chunk does, or where there would be more than 10,000 shards.
 * @param treatments what a profile does to tables: those that lose all rows are not loaded
 */
export function planLoad(
  tables: readonly TableEntry[],
  jobs: number,
  treatments: readonly Treatment[] = [],
): LoadPlan[] {
  const treated = new Map(treatments.map((one) => [relationKey(one), one]));
  const pieces: Piece[] = [];
  for (const table of tables) {
    const treatment = treated.get(relationKey(table));
    if (treatment?.rows === 'none') continue;
    // What is empty needs no loading
    for (const [index, chunk] of table.chunks.entries())
      if (chunk.rows > 0) pieces.push({ table, index, chunk, cost: chunk.rawBytes + chunkCost, treatment });
  }
  pieces.sort((a, b) => b.cost - a.cost);
  const total = pieces.reduce((sum, { cost }) => sum + cost, 0);
  const fair = Math.max(finestShard, total / (jobs * shardsPerJob));
  let target = Math.max(Math.min(coarsestShard, fair), total / mostShards);
  let packs = pack(pieces, target);
  while (packs.length > mostShards) {
    target *= 1.25;
    packs = pack(pieces, target);
  }
  return packs.map((pack, index) => ({
    shard: index + 1,
    keyed: pack.some(({ treatment }) => treatment && isKeyed({ treatments: [treatment], statements: [] })),
    chunks: pack.map(plannedChunk),
  }));
}

/** One after another, each pack as full as the next piece lets it be. */
function pack(pieces: readonly Piece[], target: number): Piece[][] {
  const packs: Piece[][] = [];
  let room = 0;
  for (const piece of pieces) {
    const last = packs.at(-1);
    if (last && piece.cost <= room) {
      last.push(piece);
      room -= piece.cost;
    } else {
      packs.push([piece]);
      room = target - piece.cost;
    }
  }
  return packs;
}

function plannedChunk({ table, index, chunk, treatment }: Piece): LoadPlan['chunks'][number] {
  const { chunks, ...entry } = table;
  const planned = { table: entry, of: chunks.length, index, chunk };
  if (!treatment || !changesRows(treatment)) return planned;
  const columns = [...masksOf(treatment)];
  return { ...planned, changed: { columns, where: predicateOf(treatment) ?? null } };
}
