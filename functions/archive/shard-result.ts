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
 * What the first attempt to finish a shard leaves (`If-None-Match: *`). Offsets are within the working object;
 * sealing moves them to their place in the sealed file.
 */
export const RowsResult = WorkingObject.extend({
  kind: z.literal('rows'),
  shard: z.int().positive(),
  /** In the order of the object. Bytes between chunks are the COPY lines and their `\.` ends. */
  chunks: z.array(TableChunk.extend({ schema: z.string(), name: z.string() })),
});
export type RowsResult = z.infer<typeof RowsResult>;

/** One stretch of definitions: pre-data, sequences or post-data. The object is exactly the section. */
export const DefinitionsResult = WorkingObject.extend({ kind: z.literal('definitions'), section: Section });
export type DefinitionsResult = z.infer<typeof DefinitionsResult>;

export const MediaResult = WorkingObject.extend({
  kind: z.literal('media'),
  shard: z.int().positive(),
  chunk: MediaChunk,
  files: z.int().nonnegative(),
  directories: z.int().nonnegative(),
  links: z.int().nonnegative(),
  /** Bytes of the files' contents. */
  bytes: z.int().nonnegative(),
  notes: z.array(z.object({ path: z.string(), note: z.string() })),
});
export type MediaResult = z.infer<typeof MediaResult>;
