import { randomBytes } from 'node:crypto';
import { access, link, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { backupKey, databaseFile, mediaFile, schemaFile } from '../run/keys.ts';
import type { Progress } from '../run/progress.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { ByteSource } from './byte-source.ts';
import { crc32Text } from './crc32-combine.ts';
import { DamagedBackup, DirectoryUnusable, FileExists } from './errors.ts';
import { decompressFrames, readFrames } from './frame-stream.ts';
import type { FileEntry, Manifest } from './manifest.ts';

export interface ExportOptions {
  /** Replace files that are there. */
  readonly force?: boolean;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface ExportedFile {
  readonly path: string;
  readonly size: number;
}

interface Export {
  readonly name: string;
  readonly file: string;
  readonly entry: FileEntry;
  readonly compressed: boolean;
  readonly gzip: boolean;
}

/**
 * Writes the files of the manual procedure into a directory: `nautobot.sql`, `nautobot_schema.sql` and, where the
 * backup has media, `nautobot_media.tar.gz`. Each appears under its name only when it is whole and verified.
 *
 * Throws `DirectoryUnusable`, `FileExists`, `DamagedBackup`, and what the store throws.
 */
export async function exportBackup(
  store: ObjectStore,
  manifest: Manifest,
  directory: string,
  options: ExportOptions,
): Promise<ExportedFile[]> {
  const exports = exportsOf(manifest);
  await checkDirectory(directory);
  if (!options.force) for (const { name } of exports) await refuseExisting(join(directory, name));
  const done: ExportedFile[] = [];
  for (const each of exports) {
    const path = join(directory, each.name);
    const key = backupKey(manifest.backupId, each.file);
    done.push({ path, size: await writeOne(store, key, each, path, options) });
  }
  return done;
}

function exportsOf({ files }: Manifest): Export[] {
  const plain = { compressed: false, gzip: false };
  const exports: Export[] = [
    { name: 'nautobot.sql', file: databaseFile, entry: files.database, compressed: true, gzip: false },
    { name: 'nautobot_schema.sql', file: schemaFile, entry: files.schema, ...plain },
  ];
  if (files.media)
    exports.push({
      name: 'nautobot_media.tar.gz',
      file: mediaFile,
      entry: files.media,
      compressed: true,
      gzip: true,
    });
  return exports;
}

async function writeOne(
  store: ObjectStore,
  key: string,
  each: Export,
  path: string,
  options: ExportOptions,
): Promise<number> {
  const draft = `${path}.${randomBytes(4).toString('hex')}.partial`;
  const { signal } = options;
  const file = await open(draft, 'wx').catch((error) => {
    throw unusable(dirname(path), error);
  });
  try {
    const content = Readable.from(verified(store, key, each, options), {
      objectMode: true,
      highWaterMark: 2,
    });
    const steps: Transform[] = each.gzip ? [createGzip()] : [];
    await pipeline([content, ...steps, file.createWriteStream({ flush: true })], signal ? { signal } : {});
    await publish(draft, path, options.force === true);
    return (await stat(path)).size;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/** The file's content; ends with an error unless all of it was as the manifest says. */
async function* verified(
  store: ObjectStore,
  key: string,
  { entry, compressed }: Export,
  { signal, progress }: ExportOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const facts = await store.head(key);
  if (!facts) throw new DamagedBackup(`${store.uri(key)} is missing; use another backup`);
  if (facts.size !== entry.size)
    throw new DamagedBackup(
      `${store.uri(key)} has ${facts.size} bytes and not ${entry.size}; use another backup`,
    );
  const source = new ByteSource(store.read(key, { offset: 0, length: facts.size }, facts, signal));
  try {
    const bytes = source.takeTo(facts.size);
    for await (const block of compressed ? decompressFrames(readFrames(bytes), 4) : bytes) {
      progress.advance({ bytes: block.length });
      yield block;
    }
  } catch (error) {
    if (!(error instanceof DamagedBackup)) throw error;
    throw new DamagedBackup(`${store.uri(key)}: ${error.message}; use another backup`, { cause: error });
  } finally {
    await source.close();
  }
  if (crc32Text(source.crc) !== entry.crc32)
    throw new DamagedBackup(
      `${store.uri(key)} does not have the checksum in the manifest; use another backup`,
    );
}

async function checkDirectory(directory: string): Promise<void> {
  const facts = await stat(directory).catch((error) => {
    throw unusable(directory, error);
  });
  if (!facts.isDirectory())
    throw new DirectoryUnusable(`${directory} is not a directory; name one to export into`);
}

function unusable(directory: string, cause: Error): DirectoryUnusable {
  return new DirectoryUnusable(
    `cannot export into ${directory}: ${cause.message}; name a directory that exists and can be written`,
    { cause },
  );
}

async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw alreadyThere(path);
}

function alreadyThere(path: string): FileExists {
  return new FileExists(`${path} exists already: name another directory, or add --force`);
}

/** Gives the file its name; a link, unlike a rename, never replaces what came there meanwhile. */
async function publish(draft: string, path: string, force: boolean): Promise<void> {
  if (force) return rename(draft, path);
  try {
    await link(draft, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw alreadyThere(path);
    // A file system without links.
    await refuseExisting(path);
    await rename(draft, path);
  }
}
