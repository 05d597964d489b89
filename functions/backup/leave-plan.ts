import type { RowsPlan } from '../rows/plan-shards.ts';
import type { Round } from '../run/keys.ts';
import { leave } from '../run/stored.ts';
import type { TableToRead } from '../snapshot/tables.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys, type PlanRecord } from './records.ts';

/** Plans written at the same time. */
const width = 24;

/**
 * Leaves every worker its own plan, and sealing the whole of it.
 * @returns the numbers of the shards
 */
export async function leavePlan(
  store: ObjectStore,
  at: Round,
  plan: RowsPlan,
  definitionOnly: readonly TableToRead[],
): Promise<number[]> {
  for (let from = 0; from < plan.shards.length; from += width)
    await Promise.all(
      plan.shards
        .slice(from, from + width)
        .map((shard) => leave(store, keys.shardPlan(at, shard.shard), shard)),
    );
  const record = planRecord(plan, definitionOnly);
  await leave(store, keys.plan(at), record);
  return record.shards;
}

function planRecord({ tables, shards }: RowsPlan, definitionOnly: readonly TableToRead[]): PlanRecord {
  const chunks = new Map<number, PlanRecord['tables'][number]['chunks']>(tables.map(({ oid }) => [oid, []]));
  for (const { shard, chunks: planned } of shards)
    for (const { oid, pages } of planned) chunks.get(oid)?.push({ shard, pages });
  const entry = (table: TableToRead, content: 'rows' | 'definition') => {
    const own = chunks.get(table.oid) ?? [];
    const { schema, name, columns, loadThrough } = table;
    const relationPages = own.some(({ pages }) => pages !== null) ? table.pages : null;
    return { schema, name, columns, loadThrough, content, relationPages, chunks: own };
  };
  return {
    tables: [
      ...tables.map((table) => entry(table, 'rows')),
      ...definitionOnly.map((table) => entry(table, 'definition')),
    ],
    shards: shards.map(({ shard }) => shard),
  };
}
