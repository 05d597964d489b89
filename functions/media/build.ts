import { chmod, mkdir } from 'node:fs/promises';
import { RunId } from '../run/run-id.ts';
import { join } from './path.ts';
import { mustBeDirectory } from './scan.ts';

/** The folders and files of one restore inside the media directory; the same file system, so that moving is renaming. */
export interface Build {
  readonly media: Buffer;
  readonly runId: RunId;
  /** `<media>/.replicator-<run>`, readable by its owner alone. */
  readonly folder: Buffer;
  /** The new entries, as they will be in the media directory. */
  readonly tree: Buffer;
  /** Files that are being written; a name in `tree` is always a whole file. */
  readonly incoming: Buffer;
  /** Files that are written in parts: a folder each. */
  readonly parts: Buffer;
  /** Modes and times of directories, one file a shard; they are set when all contents are there. */
  readonly attributes: Buffer;
  /** Entries that appeared in the media directory in the way of a new one during the switch-over. */
  readonly appeared: Buffer;
  readonly journal: Buffer;
  /** `<media>/.replicator-previous-<run>`: the old entries after the switch-over. */
  readonly previous: Buffer;
  /** The journal of a switch-over that is over and whose old entries are kept. */
  readonly keptJournal: Buffer;
  /** Of an undo: which restore's kept entries are in `tree`, and that restore's journal. */
  readonly taken: Buffer;
  readonly takenJournal: Buffer;
}

/** In a folder of old entries: says that they are kept on purpose. */
export const keptJournalName = '.replicator-journal.json';

/** Where everything of a run lies; touches nothing. */
export function buildOf(media: string | Buffer, runId: RunId): Build {
  const root = Buffer.from(media);
  const folder = join(root, `.replicator-${RunId.parse(runId)}`);
  const previous = join(root, `.replicator-previous-${runId}`);
  return {
    media: root,
    runId,
    folder,
    tree: join(folder, 'tree'),
    incoming: join(folder, 'incoming'),
    parts: join(folder, 'parts'),
    attributes: join(folder, 'attributes'),
    appeared: join(folder, 'appeared'),
    journal: join(folder, 'journal.json'),
    previous,
    keptJournal: join(previous, keptJournalName),
    taken: join(folder, 'taken.json'),
    takenJournal: join(folder, 'taken-journal.json'),
  };
}

/**
 * Makes the folders that shards are extracted into; may be called again, and by many at the same time.
 * @throws MediaDirectoryMissing, MediaUnreadable
 */
export async function createBuild(media: string, runId: RunId): Promise<Build> {
  const build = await createFolder(media, runId);
  await createWorkFolders(build);
  await mkdir(build.tree, { recursive: true, mode: 0o700 });
  return build;
}

/** The folder of a run alone. */
export async function createFolder(media: string, runId: RunId): Promise<Build> {
  await mustBeDirectory(media);
  const build = buildOf(media, runId);
  await mkdir(build.folder, { recursive: true, mode: 0o700 });
  await chmod(build.folder, 0o700);
  return build;
}

/** What is in it besides the tree. */
export async function createWorkFolders(build: Build): Promise<void> {
  for (const folder of [build.incoming, build.parts, build.attributes])
    await mkdir(folder, { recursive: true, mode: 0o700 });
}
