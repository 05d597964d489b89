import { openDatabase } from '../../functions/postgres/database.ts';
import { fingerprintDatabase } from '../../local/compare-databases.ts';
import { readFolder } from '../../local/compare-folders.ts';
import type { SmallNautobot } from './small-nautobot.ts';

/** Rows, sequences and media that a Nautobot's users see, as two comparable texts. */
export interface InUse {
  readonly rows: string;
  readonly files: string;
}

export async function inUse({ database, media }: SmallNautobot): Promise<InUse> {
  const [{ tables, sequences }, folder] = await Promise.all([
    fingerprintDatabase(await openDatabase(database.url)),
    readFolder(media),
  ]);
  const files = [...folder].filter(([path]) => path !== '.' && !path.startsWith('.replicator'));
  return { rows: JSON.stringify([[...tables], [...sequences]]), files: JSON.stringify(files.sort()) };
}
