import { availableParallelism } from 'node:os';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import type { ThreadPlaces } from './messages.ts';
import { ThreadPool } from './thread-pool.ts';

/** The handlers of Maps: all of a run's bytes go through them. */
const threaded = ['CopyShard', 'LoadShard', 'ArchiveMedia', 'ExtractMedia'] as const;

type Handlers = Readonly<Record<string, StateHandler>>;

/**
 * How many threads pay: compression has a pool of its own, so that one thread keeps two or three processors busy, and
 * each takes some 60 MB of memory.
 * @returns 0 where the program's own thread has to do
 */
export function threadsFor(jobs: number, processors: number = availableParallelism()): number {
  return processors > 3 && jobs > 2 ? Math.min(jobs, processors) : 0;
}

/** The same handlers, those of Maps on threads. `end` ends these. */
export function threadedHandlers(
  handlers: Handlers,
  places: ThreadPlaces,
  threads: number,
): { readonly handlers: Handlers; end(): Promise<void> } {
  if (threads === 0) return { handlers, end: async () => {} };
  const { store, source, target, sourceMedia, targetMedia, maskKey } = places;
  const pool = new ThreadPool({ store, source, target, sourceMedia, targetMedia, maskKey }, threads);
  const onThreads = threaded.map((name): [string, StateHandler] => [
    name,
    (input, surroundings) => pool.run(name, input, surroundings),
  ]);
  return { handlers: { ...handlers, ...Object.fromEntries(onThreads) }, end: () => pool.end() };
}
