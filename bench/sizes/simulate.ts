import { keys, PlanRecord } from '../../functions/backup/records.ts';
import type { DatabaseShape } from '../../functions/estimate/database-shape.ts';
import { countKeepers } from '../../functions/estimate/keepers.ts';
import type { RunEstimate } from '../../functions/estimate/run-tally.ts';
import * as works from '../../functions/estimate/work.ts';
import { handlers } from '../../functions/handlers/handlers.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { backupKey, manifestFile } from '../../functions/run/keys.ts';
import { silence } from '../../functions/run/progress.ts';
import { find } from '../../functions/run/stored.ts';
import type { ObjectStore } from '../../functions/store/object-store.ts';
import { type LocalSurroundings, type Place, runMachine } from '../../local/run-machine.ts';
import { MemoryStore } from './memory-store.ts';
import type { Model, ModelHandler, ModelState } from './model.ts';
import { modelBackup } from './model-backup.ts';
import { modelRestore } from './model-restore.ts';
import { VirtualTime } from './virtual-time.ts';

export interface SimulatedRun extends RunEstimate {
  /** Bytes of the largest input or output of a handler, and whose it was; more than 262,144 end the run. */
  readonly largestState: { readonly bytes: number; readonly of: string };
}

export interface Simulation {
  readonly backup: SimulatedRun & {
    readonly shards: number;
    readonly storedBytes: number;
    readonly manifestBytes: number;
    /** Of database.sql.zst. */
    readonly parts: number;
  };
  readonly restore: SimulatedRun & { readonly shards: number };
}

export interface SimulationOptions {
  readonly jobs: number;
  readonly shardBytes: number;
}

/**
 * Runs Backup and Restore, as they are synthesised, over a modelled database: real plans, records and manifest, handlers
 * that tell what they would take.
 * @throws StateTooLarge, TooManyEvents; Error for a state that outlasts a function and isn't entered again
 */
export async function simulate(shape: DatabaseShape, options: SimulationOptions): Promise<Simulation> {
  const store = new MemoryStore();
  const model = { shape, store, ...options, startedAt: '2026-11-23T05:43:00.000Z', backupId: '' };
  const backedUp = await run('backup', model, modelBackup(model));
  const { backupId, bytes } = (backedUp.output as { backup: { backupId: string; bytes: number } }).backup;
  const restored = await run('restore', model, modelRestore({ ...model, backupId }));
  const manifest = await store.get(backupKey(backupId, manifestFile));
  const plan = await find(
    store as unknown as ObjectStore,
    keys.plan({ runId: backupId, round: 1 }),
    PlanRecord,
  );
  return {
    backup: {
      ...backedUp.estimate,
      shards: plan.shards.length,
      storedBytes: bytes,
      manifestBytes: manifest?.body.length ?? 0,
      parts: store.composed[0]?.parts.length ?? 0,
    },
    restore: {
      ...restored.estimate,
      shards: restored.estimate.handlers.find(({ handler }) => handler === 'LoadShard')?.invocations ?? 0,
    },
  };
}

/** Handlers that are themselves: they only look at the state. */
const themselves = ['Begin', 'AnnounceBackup', 'AnnounceRestore', 'ReadFailure', 'AnnounceFailure'] as const;
const real: Record<string, ModelHandler> = Object.fromEntries(
  themselves.map((name) => [
    name,
    async (input, around) => ({ output: await handlers[name](input, around), work: works.work(0.01) }),
  ]),
);

async function run(
  machine: 'backup' | 'restore',
  model: Model,
  modelled: Record<string, ModelHandler>,
): Promise<{ output: unknown; estimate: SimulatedRun }> {
  const time = new VirtualTime(model.jobs);
  const all: Record<string, ModelHandler> = {
    ...Object.fromEntries(Object.keys(handlers).map((name) => [name, unexpected(name)])),
    ...real,
    ...modelled,
    Lock: async () => ({ output: null, work: works.small }),
    CleanUp: async (input) => {
      const { runId } = input as unknown as { runId: string };
      const objects = model.store.countUnder(`runs/${runId}/`);
      return { output: { runId }, work: works.cleanUp(objects) };
    },
  };
  const controller = new AbortController();
  const output = await runMachine(
    machine,
    machine === 'backup' ? { jobs: model.jobs, shardBytes: model.shardBytes } : { jobs: model.jobs },
    {
      handlers: {
        ...Object.fromEntries(
          Object.entries(all).map(([name, handler]) => [name, timed(name, handler, time)]),
        ),
        // Counted in the end: how many there are follows from how long all of it took
        KeepSnapshot: async () => null,
      },
      surroundingsFor: (place) => surroundings(place, model.store),
      signal: controller.signal,
      onEvent: (event) => time.noteEvent(event),
    },
  );
  if (machine === 'backup')
    countKeepers(time.tally, time.between('backup', 'StartKeepSnapshot', 'WhetherToInvalidateCache'));
  return { output, estimate: { ...time.end(machine), largestState: time.largest } };
}

interface Simulated extends LocalSurroundings {
  readonly place: Place;
}

function surroundings(place: Place, store: MemoryStore): Simulated {
  return {
    place,
    store: store as unknown as ObjectStore,
    allowSource: false,
    confirmTarget: async () => false,
    isAlive: async () => true,
    owner: { kind: 'execution', arn: 'arn:aws:states:model' },
    progress: silence,
  };
}

/** Hands the handler's answer over when its virtual time has passed, and `more` until then. */
function timed(name: string, handler: ModelHandler, time: VirtualTime): StateHandler {
  const answers = new Map<string, Awaited<ReturnType<ModelHandler>>>();
  return async (input, around) => {
    const { place } = around as unknown as Simulated;
    const key = `${place.state} ${place.item}`;
    const answer = answers.get(key) ?? (await handler(input as ModelState, around));
    answers.set(key, answer);
    const more = time.invoke(place, answer.work);
    const output = more ? { more } : answer.output;
    time.noteState(name, input, output);
    return output;
  };
}

function unexpected(name: string): ModelHandler {
  return async () => {
    throw new Error(`${name} is not modelled`);
  };
}
