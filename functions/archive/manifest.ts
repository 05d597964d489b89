import { z } from 'zod';
import { InvalidatedCache } from '../run/cache-mark.ts';
import { MediaComparison, MediaLeftOut } from '../run/media-comparison.ts';
import { RunId } from '../run/run-id.ts';
import { misplacedPart } from './media-parts.ts';

/** The newest version of the format that this program reads; it writes the oldest that says what there is to say. */
export const manifestVersion = 2;

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A stretch of a sealed file: whole zstd frames, one after another. */
export const Section = z.object({
  /** Bytes from the start of the file. */
  offset: count,
  /** Compressed bytes. */
  length: count,
  frames: count,
  /** Uncompressed bytes. */
  rawBytes: count,
  /** Of the compressed bytes. */
  sha256,
});
export type Section = z.infer<typeof Section>;

/** Heap pages `from` up to, not including, `to`; `to` null: to the end of the table. */
export const PageRange = z.object({ from: count, to: count.nullable() });
export type PageRange = z.infer<typeof PageRange>;

export const TableChunk = Section.extend({ rows: count, pages: PageRange.nullable() });
export type TableChunk = z.infer<typeof TableChunk>;

export const TableEntry = z.object({
  schema: z.string(),
  name: z.string(),
  /** Columns in the order of the rows; generated ones are left out. */
  columns: z.array(z.string()),
  rows: count,
  rawBytes: count,
  /** `definition`: the table is in the backup, its rows were left out. */
  content: z.enum(['rows', 'definition']),
  /**
   * Rows must be loaded through this partitioned table, because the hash of their partition key
   * differs from database to database (hash partitions by an enum).
   */
  loadThrough: z.object({ schema: z.string(), name: z.string() }).nullable(),
  chunks: z.array(TableChunk),
});
export type TableEntry = z.infer<typeof TableEntry>;

export const SequenceEntry = z.object({
  schema: z.string(),
  name: z.string(),
  /** A bigint as text. */
  lastValue: z.string().regex(/^-?\d+$/),
  isCalled: z.boolean(),
  /** The table and column that own it (serial, identity). */
  ownedBy: z.object({ schema: z.string(), table: z.string(), column: z.string() }).nullable(),
});
export type SequenceEntry = z.infer<typeof SequenceEntry>;

export const FileEntry = z.object({
  size: count,
  /** CRC-32 (zlib's) of the whole file, eight hexadecimal digits. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
});
export type FileEntry = z.infer<typeof FileEntry>;

/** A stretch of the content of a file that is larger than a shard. */
export const MediaPart = z.object({
  /** Relative to the media directory, each byte of the name one character (latin1). */
  path: z.string().min(1),
  offset: count,
  bytes: count.positive(),
  /** Of the whole file, as its header says it. */
  size: count,
});
export type MediaPart = z.infer<typeof MediaPart>;

/**
 * Whole members of the archive, or with `part` (version 2) a part of one: the first begins with its header, the last
 * ends with its padding.
 */
export const MediaChunk = Section.extend({ members: count, part: MediaPart.optional() });
export type MediaChunk = z.infer<typeof MediaChunk>;

export const MediaEntry = z.object({
  files: count,
  directories: count,
  links: count,
  /** Bytes of the files' contents. */
  bytes: count,
  chunks: z
    .array(MediaChunk)
    .refine((chunks) => misplacedPart(chunks) === undefined, 'parts of a file are not whole'),
  /** Sockets, devices and the like, which no archive holds; files that changed while they were read. */
  notes: z.array(z.object({ path: z.string(), note: z.string() })),
});
export type MediaEntry = z.infer<typeof MediaEntry>;

export const SourceFacts = z.object({
  /** `15.18` */
  serverVersion: z.string(),
  /** `150018` */
  serverVersionNum: count,
  host: z.string(),
  port: count,
  database: z.string(),
  databaseOid: count,
  /** null where the role may not read it. */
  systemIdentifier: z.string().nullable(),
  standby: z.boolean(),
  encoding: z.string(),
  localeProvider: z.enum(['libc', 'icu', 'builtin']),
  collate: z.string(),
  ctype: z.string(),
  /** ICU or builtin locale. */
  locale: z.string().nullable(),
  collationVersion: z.string().nullable(),
  extensions: z.array(z.object({ name: z.string(), version: z.string(), schema: z.string() })),
  /** The newest of django_migrations for each app; null when there is no such table. */
  migrations: z.record(z.string(), z.string()).nullable(),
});
export type SourceFacts = z.infer<typeof SourceFacts>;

/** What a profile changed where rows were read. */
export const ProfileChanges = z.object({
  /** Its name; null: there were only predicates (`--rows`). */
  name: z.string().nullable(),
  /** `schema.table` of those that lost all their rows. */
  withoutRows: z.array(z.string()),
  /** Those that kept rows of which a predicate is true. */
  filtered: z.array(z.object({ table: z.string(), rows: z.string() })),
  masked: z.array(z.object({ table: z.string(), columns: z.array(z.string()) })),
});
export type ProfileChanges = z.infer<typeof ProfileChanges>;

const ManifestBody = z.object({
  format: z.literal('nautobot-replicator-backup'),
  version: z.literal([1, manifestVersion]),
  backupId: RunId,
  tool: z.object({ name: z.string(), version: z.string() }),
  startedAt: z.iso.datetime(),
  snapshotAt: z.iso.datetime(),
  sealedAt: z.iso.datetime(),
  source: SourceFacts,
  snapshot: z.object({ text: z.string(), walPosition: z.string().nullable() }),
  settings: z.object({
    excludeTableData: z.array(z.string()),
    excludeTables: z.array(z.string()),
    schemaOnly: z.boolean(),
    /** Uncompressed bytes a shard was planned for. */
    shardBytes: count,
    compression: z.object({ level: z.int(), blockBytes: count }),
  }),
  /** undefined: rows are as they were. */
  profile: ProfileChanges.optional(),
  /** Names (`schema.table`) of tables whose definition is not in the backup either. */
  tablesLeftOut: z.array(z.string()),
  files: z.object({ database: FileEntry, schema: FileEntry, media: FileEntry.nullable() }),
  definitions: z.object({
    preData: Section,
    sequences: Section,
    postData: Section,
    /** Roles that definitions name (policies, user mappings). */
    roles: z.array(z.string()),
    /** What was taken out of the definitions and why. */
    notes: z.array(z.string()),
  }),
  tables: z.array(TableEntry),
  sequences: z.array(SequenceEntry),
  /** A string says why there is none. */
  media: z.union([MediaEntry, z.string()]),
  /** The source's cache was invalidated before sealing. */
  cacheInvalidated: InvalidatedCache.optional(),
  /** What patterns left out of the archive; missing where there were none. */
  mediaLeftOut: MediaLeftOut.optional(),
  /** Files that the rows refer to, and files of the archive; missing where there are no media. */
  mediaComparison: MediaComparison.optional(),
});

/** The index and the commit point of a backup; docs/format.md explains every field. */
export const Manifest = ManifestBody.extend({
  /** SHA-256 of the manifest without this field, as `JSON.stringify` without spaces writes it. */
  checksum: sha256,
});
export type Manifest = z.infer<typeof Manifest>;
export type ManifestBody = z.infer<typeof ManifestBody>;
