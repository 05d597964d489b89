import { type Assembly, FileBuilder } from './assemble-database.ts';
import { BackupIncomplete } from './errors.ts';
import { compressBlock } from './frame.ts';
import type { MediaEntry } from './manifest.ts';
import { compareSightings, groupParts, misplacedPart } from './media-parts.ts';
import type { MediaResult } from './shard-result.ts';
import type { WorkingObjectFacts } from './working-object.ts';

/** Two blocks of zeros end a tar archive (POSIX pax, "ustar Interchange Format"). */
export const tarEnd = Buffer.alloc(1024);

export function tarEndFrame(): Promise<Buffer> {
  return compressBlock(tarEnd);
}

export interface MediaParts {
  /** Every planned shard. */
  readonly shards: readonly number[];
  readonly results: readonly MediaResult[];
}

/** How media.tar.zst is put together: the shards' members, then `end`. Throws `BackupIncomplete`. */
export function assembleMedia(
  { shards, results }: MediaParts,
  end: WorkingObjectFacts,
): Assembly & { readonly media: MediaEntry } {
  const found = new Map(results.map((result) => [result.shard, result]));
  if (found.size !== results.length) throw incomplete('a shard has two results');
  for (const { shard } of results)
    if (!shards.includes(shard)) throw incomplete(`shard ${shard} was not planned`);
  const inOrder = shards
    .toSorted((a, b) => a - b)
    .map((shard) => {
      const result = found.get(shard);
      if (!result) throw incomplete(`shard ${shard} has no result`);
      return result;
    });
  const misplaced = misplacedPart(inOrder.map(({ chunk }) => chunk));
  if (misplaced !== undefined)
    throw incomplete(`the parts of a file are not whole at media shard ${misplaced + 1}`);
  const { kept, notes } = judgeParts(inOrder);
  const file = new FileBuilder();
  const chunks = kept.map((result) => file.section(`media shard ${result.shard}`, result.chunk, result));
  file.add(end);
  const sum = (count: (result: MediaResult) => number) =>
    kept.reduce((total, each) => total + count(each), 0);
  const media: MediaEntry = {
    files: sum(({ files }) => files),
    directories: sum(({ directories }) => directories),
    links: sum(({ links }) => links),
    bytes: sum(({ bytes }) => bytes),
    chunks,
    notes,
  };
  return { ...file.assembly(), media };
}

/** A file whose parts all found nothing is left out; of others it is said when their parts saw different files. */
function judgeParts(results: readonly MediaResult[]): { kept: MediaResult[]; notes: MediaEntry['notes'] } {
  const kept: MediaResult[] = [];
  const notes: MediaEntry['notes'] = [];
  for (const group of groupParts(results)) {
    const found = compareSightings(group);
    if (!found?.leaveOut) kept.push(...group);
    notes.push(...group.flatMap((result) => result.notes));
    const name = group[0]?.file?.name;
    if (found && name !== undefined) notes.push({ path: name, note: found.note });
  }
  return { kept, notes };
}

function incomplete(what: string): BackupIncomplete {
  return new BackupIncomplete(
    `the media are not complete and the backup was not sealed: ${what}; run it again`,
  );
}
