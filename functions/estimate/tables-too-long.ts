import { bytesOf, type DatabaseShape, type TableShape } from './database-shape.ts';
import { rates, usableSeconds } from './rates.ts';

/**
 * Tables that a function would not finish: one COPY reads all of them, for the server has no TID range scans (PostgreSQL
 * has them since 14), or an extension's author says which rows count.
 */
export function tablesTooLong({ tables, ratios }: DatabaseShape, serverVersion: number): TableShape[] {
  return tables.filter((table) => {
    const isCut = serverVersion >= 14_00_00 && table.condition === null;
    return !isCut && bytesOf(table, ratios).text / rates.copyTextPerSecond > usableSeconds;
  });
}
