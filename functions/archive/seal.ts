import { crc32 } from 'node:zlib';
import { InternalError } from '../errors/usage.ts';
import { backupKey, databaseFile, mediaFile, schemaFile } from '../run/keys.ts';
import { endless, type Lifetime } from '../run/lifetime.ts';
import type { RunId } from '../run/run-id.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { type Assembly, assembleDatabase, type TablePlan } from './assemble-database.ts';
import { assembleMedia, type MediaParts, tarEndFrame } from './assemble-media.ts';
import { crc32Text } from './crc32-combine.ts';
import { BackupIncomplete, BackupSealedDifferently } from './errors.ts';
import type { FileEntry, Manifest, ManifestBody, MediaEntry } from './manifest.ts';
import type { DefinitionsResult, RowsResult } from './shard-result.ts';
import { writeManifest } from './write-manifest.ts';

export interface SealInput {
  readonly backupId: RunId;
  /** Where sealing may put a small object of its own: below `runs/`, the same at every try. */
  readonly scratchKey: string;
  readonly definitions: {
    readonly preData: DefinitionsResult;
    readonly sequences: DefinitionsResult;
    readonly postData: DefinitionsResult;
    readonly roles: readonly string[];
    readonly notes: readonly string[];
  };
  /** The bytes of schema.sql. */
  readonly schemaSql: Buffer;
  readonly tables: readonly TablePlan[];
  readonly rows: readonly RowsResult[];
  /** A string says why there are none. */
  readonly media: MediaParts | string;
  /** What the manifest says beyond what is put together here. */
  readonly facts: SealFacts;
  readonly signal?: AbortSignal | undefined;
}

export type SealFacts = Omit<
  ManifestBody,
  'format' | 'version' | 'backupId' | 'sealedAt' | 'files' | 'definitions' | 'tables' | 'media'
>;

/** All of sealing; see `sealSome`. */
export async function sealBackup(store: ObjectStore, input: SealInput): Promise<Manifest> {
  const manifest = await sealSome(store, input, endless);
  if (!manifest) throw new InternalError('sealing ended early although nothing asked it to');
  return manifest;
}

/**
 * Proves the results complete, puts the final files together and writes the manifest, after which the backup exists.
 * Repeatable, at the same time too: what an earlier call did is found and counts.
 * @returns undefined when `life` was nearly over before the end: the next call goes on
 *
 * Throws `BackupIncomplete`, `BackupSealedDifferently`, and what the store throws.
 */
export async function sealSome(
  store: ObjectStore,
  input: SealInput,
  life: Lifetime,
): Promise<Manifest | undefined> {
  const { backupId, signal } = input;
  const database = assembleDatabase(input);
  const media = typeof input.media === 'string' ? input.media : await prepareMedia(store, input, input.media);

  const composed = (key: string, assembly: Assembly) => compose(store, key, assembly, { life, signal });
  if (!(await composed(backupKey(backupId, databaseFile), database))) return undefined;
  if (typeof media !== 'string' && !(await composed(backupKey(backupId, mediaFile), media))) return undefined;
  const schema = await putSchema(store, backupKey(backupId, schemaFile), input.schemaSql);
  signal?.throwIfAborted();

  return writeManifest(store, {
    format: 'nautobot-replicator-backup',
    version: typeof media === 'string' ? 1 : versionFor(media.media),
    backupId,
    ...input.facts,
    sealedAt: new Date().toISOString(),
    files: {
      database: fileEntry(database),
      schema,
      media: typeof media === 'string' ? null : fileEntry(media),
    },
    definitions: {
      preData: database.preData,
      sequences: database.sequences,
      postData: database.postData,
      roles: [...input.definitions.roles],
      notes: [...input.definitions.notes],
    },
    tables: database.tables,
    media: typeof media === 'string' ? media : media.media,
  });
}

/** The end of the archive is an object of its own, unless the archive is there already. */
async function prepareMedia(
  store: ObjectStore,
  { backupId, scratchKey }: SealInput,
  parts: MediaParts,
): Promise<Assembly & { readonly media: MediaEntry }> {
  const frame = await tarEndFrame();
  const end = { object: scratchKey, etag: '', size: frame.length, crc32: crc32Text(crc32(frame)) };
  // Everything is proved before anything is written.
  const sealed = await store.head(backupKey(backupId, mediaFile));
  const assembled = assembleMedia(parts, end);
  if (sealed) return assembled;
  const { etag } = await store.put(scratchKey, frame);
  return assembleMedia(parts, { ...end, etag });
}

/** @returns false when there was no time for all of it */
async function compose(
  store: ObjectStore,
  key: string,
  { pieces, size }: Assembly,
  { life, signal }: { life: Lifetime; signal: AbortSignal | undefined },
): Promise<boolean> {
  const contentType = 'application/zstd';
  // What nothing ends has no upload of an earlier call to look for
  const made = Number.isFinite(life.wholeSeconds)
    ? await store.composeSome(key, pieces, contentType, () => life.isNearlyOver, signal)
    : await store.compose(key, pieces, contentType, signal);
  if (!made) return false;
  const facts = await store.head(key);
  if (facts?.size === size) return true;
  throw new BackupIncomplete(
    `${store.uri(key)} was put together of ${size} bytes, and the store shows ${facts?.size ?? 'none'}; run the backup again`,
  );
}

async function putSchema(store: ObjectStore, key: string, body: Buffer): Promise<FileEntry> {
  if (!(await store.putNew(key, body, 'application/sql'))) {
    const there = await store.get(key);
    if (!there?.body.equals(body))
      throw new BackupSealedDifferently(
        `${store.uri(key)} exists with another content and is never replaced`,
      );
  }
  return { size: body.length, crc32: crc32Text(crc32(body)) };
}

/** The oldest version that knows what is used of the format, so that older programs go on reading what they can. */
function versionFor({ chunks }: MediaEntry): Manifest['version'] {
  return chunks.some(({ part }) => part !== undefined) ? 2 : 1;
}

function fileEntry({ size, crc32 }: Assembly): FileEntry {
  return { size, crc32 };
}
