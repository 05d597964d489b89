import { z } from 'zod';
import { putResultNew, readResult } from '../../archive/put-result.ts';
import { MediaResult } from '../../archive/shard-result.ts';
import { openWorkingObject } from '../../archive/working-object.ts';
import { BackupInput, roundOf } from '../../backup/input.ts';
import { keys } from '../../backup/records.ts';
import { archiveShard } from '../../media/archive.ts';
import { fromLatin1, printable } from '../../media/path.ts';
import { MediaShard } from '../../media/plan.ts';
import { newAttempt } from '../../run/attempt.ts';
import { need } from '../../run/require.ts';
import { find } from '../../run/stored.ts';
import { stateHandler } from '../state-handler.ts';

const ArchiveMedia = BackupInput.extend({ shard: z.int().positive() });

/** ArchiveMedia: one worker's files into one working object. The first attempt to finish counts. */
export const archiveMedia = stateHandler(ArchiveMedia, async ({ run, shard }, surroundings) => {
  const { store, signal, progress } = surroundings;
  const directory = need(surroundings, 'sourceMedia');
  const at = roundOf(run);
  if (await readResult(store, keys.mediaResult(at, shard), MediaResult)) return;
  const { members } = await find(store, keys.mediaPlan(at, shard), MediaShard);
  await using object = openWorkingObject(store, keys.mediaObject(at, shard, newAttempt()), { signal });
  object.beginChunk();
  const archived = await archiveShard(directory, members, object, { signal, progress });
  const { rows, ...section } = await object.endChunk();
  for (const { path, note } of archived.notes) progress.warn(`media: ${path}: ${note}`);
  const { files, directories, links, bytes, notes, part, seen } = archived;
  await putResultNew(store, keys.mediaResult(at, shard), MediaResult, {
    kind: 'media',
    shard,
    chunk: { ...section, members: rows, ...(part && { part }) },
    files,
    directories,
    links,
    bytes,
    ...(part && seen && { file: { name: printable(fromLatin1(part.path)), seen } }),
    notes: [...notes],
    ...(await object.finish()),
  });
});
