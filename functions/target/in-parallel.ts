import type { Session } from '../postgres/session.ts';

/**
 * Works through items with several sessions at once; each takes the next item when it is free. The first error stops
 * the others from taking more, and is thrown when all have come to rest.
 * @param jobs sessions at most
 */
export async function inParallel<T>(
  items: readonly T[],
  jobs: number,
  open: (worker: number) => Promise<Session>,
  work: (session: Session, item: T) => Promise<void>,
): Promise<void> {
  const waiting = [...items];
  const workers = Math.min(jobs, items.length);
  let failed: { error: unknown } | undefined;
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      let session: Session | undefined;
      try {
        session = await open(worker);
        for (let item = waiting.shift(); item !== undefined && !failed; item = waiting.shift()) {
          await work(session, item);
        }
      } catch (error) {
        failed ??= { error };
      } finally {
        await session?.end();
      }
    }),
  );
  if (failed) throw failed.error;
}
