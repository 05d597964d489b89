import { expect, inject } from 'vitest';
import { cliInProcess } from '../cli/run-cli.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';
import { type InUse, inUse } from './in-use.ts';
import { type SmallNautobot, smallNautobot } from './small-nautobot.ts';

/** A small Nautobot, a backup of it in a store of its own, and what a target that has it in use looks like. */
export interface BackedUp {
  readonly uri: string;
  readonly source: SmallNautobot;
  readonly fresh: InUse;
}

export async function backedUp(name: string, rows: number): Promise<BackedUp> {
  Object.assign(process.env, inject('servers').s3.env);
  const uri = (await freshBucket()).uri();
  const source = await smallNautobot(name, rows);
  const fresh = await inUse(source);
  const args = ['backup', '--source', source.database.url, '--store', uri, '--media', source.media];
  const { code, stderr } = await cliInProcess(args);
  expect(code, stderr).toBe(0);
  return { uri, source, fresh };
}
