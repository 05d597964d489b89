import type { DatabaseShape, TableShape } from '../../functions/estimate/database-shape.ts';
import { nautobotRatios } from '../../functions/estimate/rates.ts';

export interface ModelOptions {
  /** Heap and TOAST of all tables. */
  readonly bytes: number;
  /** At least 2. */
  readonly tables?: number;
}

/** Shares of the whole: the change log and its like are most of a database of years (docs/sizes.md). */
const changeLogShare = 0.85;
const logEntriesShare = 0.05;
const mediaShare = 0.01;
const mediaFileBytes = 200_000;
const columns = [
  'id',
  'created',
  'last_updated',
  'name',
  'status_id',
  'role_id',
  'tenant_id',
  'location_id',
  'description',
  'comments',
  '_custom_field_data',
];

/**
 * A Nautobot database of a size: the change log, the log entries of jobs, and tables of which each has less than the one
 * before, as in a database that has grown.
 */
export function nautobotOf({ bytes, tables = 229 }: ModelOptions): DatabaseShape {
  const others = tables - 2;
  const rest = bytes * (1 - changeLogShare - logEntriesShare);
  const weights = Array.from({ length: others }, (_, index) => 1 / (index + 1));
  const weight = weights.reduce((sum, each) => sum + each, 0);
  return {
    tables: [
      table(1, 'extras_objectchange', bytes * changeLogShare, 0.2, { indexes: 8, foreignKeys: 3 }),
      table(2, 'extras_joblogentry', bytes * logEntriesShare, 0.9, { indexes: 4, foreignKeys: 1 }),
      ...weights.map((own, index) =>
        table(index + 3, `dcim_table_${index}`, (rest * own) / weight, 1, { indexes: 6, foreignKeys: 4 }),
      ),
    ],
    definitionOnly: 0,
    media: { bytes: bytes * mediaShare, files: Math.ceil((bytes * mediaShare) / mediaFileBytes) },
    ratios: nautobotRatios,
  };
}

/** @param heap share of the bytes that is not in TOAST */
function table(
  oid: number,
  name: string,
  bytes: number,
  heap: number,
  more: Pick<TableShape, 'indexes' | 'foreignKeys'>,
): TableShape {
  return {
    oid,
    schema: 'public',
    name,
    columns,
    pages: Math.max(1, Math.round((bytes * heap) / 8192)),
    bytes: Math.round(bytes),
    condition: null,
    loadThrough: null,
    ...more,
  };
}
