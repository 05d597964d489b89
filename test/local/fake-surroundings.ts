import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { silence } from '../../functions/run/progress.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import type { LocalSurroundings, RunnerEvent, RunnerOptions } from '../../local/run-machine.ts';

/** The little of a store that records of failures need, in memory. */
export function memoryStore(objects = new Map<string, string>()): ObjectStore {
  const facts = (key: string) => ({ key, size: objects.get(key)?.length ?? 0, etag: '"1"' });
  const store: Partial<ObjectStore> = {
    bucket: 'memory',
    prefix: '',
    get: async (key) => {
      const body = objects.get(key);
      return body === undefined ? undefined : { body: Buffer.from(body), facts: facts(key) };
    },
    put: async (key, body) => {
      objects.set(key, body.toString());
      return facts(key);
    },
    putNew: async (key, body) => {
      if (objects.has(key)) return undefined;
      objects.set(key, body.toString());
      return facts(key);
    },
  };
  return store as ObjectStore;
}

export function surroundings(store = memoryStore()): LocalSurroundings {
  return {
    store,
    allowSource: false,
    confirmTarget: async () => false,
    isAlive: async () => true,
    owner: { kind: 'execution', arn: 'arn:test' },
    progress: silence,
  };
}

export interface Recording {
  readonly options: RunnerOptions;
  readonly events: RunnerEvent[];
  /** Names of handlers in the order in which they began. */
  readonly began: string[];
  readonly abort: (reason?: unknown) => void;
  readonly objects: Map<string, string>;
}

/** Options of a run over the handlers and definitions given, and what can be seen of it. */
export function recording(
  handlers: Record<string, StateHandler>,
  definitions: NonNullable<RunnerOptions['definitions']>,
): Recording {
  const events: RunnerEvent[] = [];
  const began: string[] = [];
  const controller = new AbortController();
  const objects = new Map<string, string>();
  const store = memoryStore(objects);
  const noted = Object.entries(handlers).map(([name, handler]) => [
    name,
    ((input, around) => {
      began.push(name);
      return handler(input, around);
    }) satisfies StateHandler,
  ]);
  return {
    options: {
      handlers: { CleanUp: async () => null, ...Object.fromEntries(noted) },
      surroundingsFor: () => surroundings(store),
      signal: controller.signal,
      onEvent: (event) => events.push(event),
      definitions,
    },
    events,
    began,
    abort: (reason) => controller.abort(reason),
    objects,
  };
}
