import { crc32 } from 'node:zlib';
import { backupKey, databaseFile, mediaFile, schemaFile } from '../run/keys.ts';
import type { Progress } from '../run/progress.ts';
import { ObjectChanged, ObjectMissing, ShortRead } from '../store/errors.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { ByteSource } from './byte-source.ts';
import { crc32Text } from './crc32-combine.ts';
import { databaseLayout, mediaLayout, type Region } from './file-layout.ts';
import type { FileEntry, Manifest } from './manifest.ts';
import { readManifest } from './read-manifest.ts';
import { verifyRegion } from './verify-region.ts';

export interface VerifyProblem {
  /** Name of the file within the backup. */
  readonly file: string;
  /** A table's chunk, definitions, the whole file; with the bytes where they are known. */
  readonly where: string;
  readonly what: string;
}

export interface VerifiedFile {
  readonly file: string;
  /** Bytes that were read. */
  readonly size: number;
  readonly ok: boolean;
}

export interface VerifyReport {
  readonly backupId: string;
  readonly ok: boolean;
  readonly files: readonly VerifiedFile[];
  /** All that were found, not only the first. */
  readonly problems: readonly VerifyProblem[];
}

/**
 * Reads every byte of a backup and compares it with the manifest: sizes and checksums of files, every frame, every
 * chunk's SHA-256 and rows, and the COPY lines between them. What is wrong is in the report.
 *
 * Throws `BackupUnknown`, `NoBackupYet`, `ManifestTooNew`, `DamagedBackup` (of the manifest itself), and what the
 * store throws.
 */
export async function verifyBackup(
  store: ObjectStore,
  backupId: string,
  progress: Progress,
  signal?: AbortSignal,
): Promise<VerifyReport> {
  const manifest = await readManifest(store, backupId);
  progress.expect(expectedWork(manifest));
  const problems: VerifyProblem[] = [];
  const files: VerifiedFile[] = [];
  for (const { file, entry, layout } of filesOf(manifest)) {
    signal?.throwIfAborted();
    const checked = new FileCheck(store, file, backupKey(manifest.backupId, file), entry);
    const size = layout ? await checked.frames(layout, progress, signal) : await checked.plain();
    files.push({ file, size, ok: checked.problems.length === 0 });
    problems.push(...checked.problems);
  }
  return { backupId, ok: problems.length === 0, files, problems };
}

/** Layout undefined: the file is plain text. */
function filesOf(manifest: Manifest): { file: string; entry: FileEntry; layout: Region[] | undefined }[] {
  const { files, media } = manifest;
  const found = [
    { file: databaseFile, entry: files.database, layout: databaseLayout(manifest) as Region[] | undefined },
    { file: schemaFile, entry: files.schema, layout: undefined },
  ];
  if (files.media && typeof media !== 'string')
    found.push({ file: mediaFile, entry: files.media, layout: mediaLayout(media, files.media.size) });
  return found;
}

function expectedWork({ tables, definitions, media }: Manifest): { bytes: number; rows: number } {
  const sections = [
    definitions.preData,
    definitions.sequences,
    definitions.postData,
    ...tables.flatMap(({ chunks }) => chunks),
    ...(typeof media === 'string' ? [] : media.chunks),
  ];
  return {
    bytes: sections.reduce((sum, { rawBytes }) => sum + rawBytes, 0),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
  };
}

class FileCheck {
  readonly problems: VerifyProblem[] = [];
  readonly #store: ObjectStore;
  readonly #file: string;
  readonly #key: string;
  readonly #entry: FileEntry;

  constructor(store: ObjectStore, file: string, key: string, entry: FileEntry) {
    this.#store = store;
    this.#file = file;
    this.#key = key;
    this.#entry = entry;
  }

  /** Returns how many bytes were read. */
  async frames(
    layout: readonly Region[],
    progress: Progress,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const facts = await this.#store.head(this.#key);
    if (!facts) return this.#missing();
    this.#compareSize(facts.size);
    const source = new ByteSource(
      this.#store.read(this.#key, { offset: 0, length: facts.size }, { etag: facts.etag }, signal),
    );
    try {
      for (const region of layout) {
        const start = region.kind === 'section' ? region.section.offset : region.offset;
        const length = region.kind === 'section' ? region.section.length : region.length;
        if (start < source.position || start + Math.max(0, length) > facts.size)
          this.#add(whereOf(region), 'the file is too short for it, or the manifest lets sections overlap');
        else
          for (const what of await verifyRegion(region, source, progress)) this.#add(whereOf(region), what);
      }
      await source.skipTo(facts.size);
      this.#compareCrc(source.crc);
    } catch (error) {
      if (!(error instanceof ShortRead || error instanceof ObjectChanged || error instanceof ObjectMissing))
        throw error;
      this.#add(`byte ${source.position}`, error.message);
    } finally {
      await source.close();
    }
    return source.position;
  }

  async plain(): Promise<number> {
    const found = await this.#store.get(this.#key);
    if (!found) return this.#missing();
    this.#compareSize(found.body.length);
    this.#compareCrc(crc32(found.body));
    return found.body.length;
  }

  #missing(): number {
    this.#add('the whole file', 'it is missing');
    return 0;
  }

  #compareSize(size: number): void {
    if (size !== this.#entry.size)
      this.#add('the whole file', `it has ${size} bytes, the manifest says ${this.#entry.size}`);
  }

  #compareCrc(crc: number): void {
    if (crc32Text(crc) !== this.#entry.crc32)
      this.#add('the whole file', `its CRC-32 is ${crc32Text(crc)}, the manifest says ${this.#entry.crc32}`);
  }

  #add(where: string, what: string): void {
    this.problems.push({ file: this.#file, where, what });
  }
}

function whereOf(region: Region): string {
  const { offset, length } = region.kind === 'section' ? region.section : region;
  return `${region.what} (bytes ${offset} to ${offset + length})`;
}
