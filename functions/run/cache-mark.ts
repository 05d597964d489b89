import { z } from 'zod';

const count = z.int().nonnegative();

/** How a cache's server is known again: by what it calls itself until it is started anew, and by where it is. */
export const ServerMark = z.object({
  host: z.string(),
  port: z.int(),
  /** null where the user may not ask. */
  runId: z.string().nullable(),
});
export type ServerMark = z.infer<typeof ServerMark>;

/** What a backup did to the source's cache, as its manifest says it. */
export const InvalidatedCache = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('redis'), deleted: count, remaining: count, servers: z.array(ServerMark) }),
  z.object({ kind: z.literal('command'), seconds: z.number() }),
]);
export type InvalidatedCache = z.infer<typeof InvalidatedCache>;
