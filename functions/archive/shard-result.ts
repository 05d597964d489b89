import { z } from 'zod';
import { MediaChunk, Section, TableChunk } from './manifest.ts';

const WorkingObject = z.object({
  /** Key of the working object below the store's prefix. */
  object: z.string(),
  etag: z.string(),
  size: z.int().nonnegative(),
  /** CRC-32 of the whole object, eight hexadecimal digits. */
  crc32: z.string().regex(/^[0-9a-f]{8}$/),
});

/**
 * What the first attempt to finish a leg of a shard leaves (`If-None-Match: *`); most shards are done in one leg.
 * Offsets are within the working object; sealing moves them to their place in the sealed file.
 */
export const RowsResult = WorkingObject.extend({
  kind: z.literal('rows'),
  shard: z.int().positive(),
  /** From 1: several invocations may share a shard, one after another. */
  leg: z.int().positive(),
  /** Where the next leg goes on: a place in the plan's chunks, and a heap page (null: from its beginning). */
  rest: z.object({ chunk: z.int().nonnegative(), page: z.int().positive().nullable() }).nullable(),
  /** In the order of the object. Bytes between chunks are the COPY lines and their `\.` ends. */
  chunks: z.array(TableChunk.extend({ schema: z.string(), name: z.string() })),
});
export type RowsResult = z.infer<typeof RowsResult>;

/** One stretch of definitions: pre-data, sequences or post-data. The object is exactly the section. */
export const DefinitionsResult = WorkingObject.extend({ kind: z.literal('definitions'), section: Section });
export type DefinitionsResult = z.infer<typeof DefinitionsResult>;

/** What one part of a file saw of it: the same as the others, or they have not read the same content. */
export const Sighting = z.object({
  size: z.int().nonnegative(),
  /** Nanoseconds since 1970. */
  mtime: z.string(),
  inode: z.string(),
  /** It changed while this part was read. */
  torn: z.boolean(),
});
export type Sighting = z.infer<typeof Sighting>;

/** A word where the file was not there: the part is zeros. */
const Seen = z.union([Sighting, z.enum(['removed', 'replaced'])]);

export const MediaResult = WorkingObject.extend({
  kind: z.literal('media'),
  shard: z.int().positive(),
  chunk: MediaChunk,
  files: z.int().nonnegative(),
  directories: z.int().nonnegative(),
  links: z.int().nonnegative(),
  /** Bytes of the files' contents. */
  bytes: z.int().nonnegative(),
  /** Where the chunk is a part of a file: its name for notes, and what was seen of it. */
  file: z.object({ name: z.string(), seen: Seen }).optional(),
  notes: z.array(z.object({ path: z.string(), note: z.string() })),
});
export type MediaResult = z.infer<typeof MediaResult>;
