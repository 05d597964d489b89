import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { isRetried, retriedErrors } from '../../functions/run/retried-errors.ts';
import { localDefinitions } from '../../infra/local-definitions.ts';
import { validateDefinition } from '../../local/compile.ts';
import { type Definition, readDefinition, type StateDefinition } from '../../local/definition.ts';
import { type MachineName, machineNames } from '../../local/machine-names.ts';
import { taskOf } from '../../local/task.ts';

interface Found {
  readonly name: string;
  readonly state: StateDefinition;
  /** Inside what: the names of the Parallel and Map states around it. */
  readonly within: readonly string[];
  readonly insideMap: boolean;
}

function allStates(definition: Definition, within: string[] = [], insideMap = false): Found[] {
  return Object.entries(definition.States).flatMap(([name, state]) => [
    { name, state, within, insideMap },
    ...(state.Branches ?? []).flatMap((branch) => allStates(branch, [...within, name], insideMap)),
    ...(state.ItemProcessor ? allStates(state.ItemProcessor, [...within, name], true) : []),
  ]);
}

/** Every text in a value that is a path into the context object, with where it stands. */
function contextPaths(value: unknown, at = ''): { at: string; path: string }[] {
  if (typeof value === 'string') return value.includes('$$') ? [{ at, path: value }] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => contextPaths(inner, `${at}/${key}`));
}

const machines = machineNames.map((name) => ({ name, definition: readDefinition(name) }));
const states = machines.flatMap(({ name: machine, definition }) =>
  allStates(definition).map((found) => ({ machine, ...found })),
);
const tasks = states.filter(({ state }) => state.Type === 'Task');
const maps = states.filter(({ state }) => state.Type === 'Map');
const label = ({ machine, name }: { machine: string; name: string }) => `${machine}/${name}`;

describe('the committed definitions', () => {
  let fresh: Record<MachineName, unknown>;
  beforeAll(() => {
    fresh = localDefinitions();
  });

  test.each(machines)('$name is what infra/ synthesises (npm run definitions)', ({ name, definition }) => {
    expect(definition).toEqual(fresh[name]);
  });

  test('are all there, and nothing else', () => {
    const files = readdirSync(new URL('../../local/definitions/', import.meta.url)).sort();
    expect(files).toEqual(machineNames.map((name) => `${name}.asl.json`).sort());
  });

  test.each(machines)('$name is valid Amazon States Language', ({ definition }) => {
    validateDefinition(definition);
  });

  test('hold no reference that only CloudFormation could resolve', () => {
    const text = machines.map(({ definition }) => JSON.stringify(definition)).join();
    expect(text).not.toMatch(/Fn::|"Ref"|\$\{Token|AWS::/);
  });
});

describe('every Task', () => {
  test('has TimeoutSeconds of at least a minute, in a number that every timer can wait', () => {
    expect(tasks.length).toBeGreaterThan(40);
    for (const { state, ...at } of tasks) {
      expect(state.TimeoutSeconds, label(at)).toBeGreaterThanOrEqual(60);
      expect(state.TimeoutSeconds, label(at)).toBeLessThanOrEqual(2_147_483);
      expect(state, label(at)).not.toHaveProperty('HeartbeatSeconds');
    }
  });

  test('does something that the runner has a counterpart of', () => {
    for (const { name, state } of tasks) expect(taskOf(name, state).kind).toBeTruthy();
  });

  test('that runs a handler gets its bare result (payloadResponseOnly), but for the keeper, which is not waited for', () => {
    const wrapped = tasks.filter(({ state }) => state.Resource?.includes(':::lambda:invoke'));
    expect(wrapped.map(({ name }) => name)).toEqual(['InvokeKeeper']);
    expect(wrapped[0]?.state.Parameters?.InvocationType).toBe('Event');
  });

  // The last two are a database that is away, and a store
  const impatient: Record<string, number> = { Lock: 3, ReadFailure: 4, CleanUp: 4 };

  test("that runs a handler is retried by this project's list and no other", () => {
    for (const { name, state, ...at } of tasks) {
      if (taskOf(name, state).kind !== 'handler') continue;
      const retry = state.Retry as {
        ErrorEquals: string[];
        JitterStrategy?: string;
        MaxDelaySeconds?: number;
      }[];
      const ours = retry.filter(({ ErrorEquals }) => ErrorEquals[0] !== 'SnapshotNotReady');
      expect(
        ours.map(({ ErrorEquals }) => ErrorEquals),
        label({ name, ...at }),
      ).toEqual(retriedErrors.slice(0, impatient[name] ?? 5).map(({ names }) => names));
      for (const retrier of ours) {
        expect(retrier.JitterStrategy).toBe('FULL');
        expect(retrier.MaxDelaySeconds).toBeGreaterThan(0);
      }
    }
  });

  test('keeps ids and times of the execution out of its parameters, but for the first', () => {
    for (const { name, state, ...at } of states) {
      const { ItemSelector: _, Branches: __, ItemProcessor: ___, ...rest } = state;
      const paths = contextPaths(rest).map(({ path }) => path);
      const expected = name === 'Begin' ? ['$$.Execution.Id', '$$.Execution.StartTime'] : [];
      expect(paths, label({ name, ...at })).toEqual(expected);
    }
  });
});

describe('every Map', () => {
  test('is a distributed one with STANDARD children over an array in the state, as wide as the run says', () => {
    expect(maps.map(({ name }) => name)).toEqual([
      'CopyShards',
      'ArchiveMediaShards',
      'LoadShards',
      'ExtractMediaShards',
    ]);
    for (const { state } of maps) {
      expect(state.ItemProcessor?.ProcessorConfig).toEqual({
        Mode: 'DISTRIBUTED',
        ExecutionType: 'STANDARD',
      });
      expect(state.ItemsPath).toMatch(/^\$\.\w+\.\w+$/);
      expect(state.MaxConcurrencyPath).toBe('$.options.jobs');
    }
  });

  test('tolerates no failed item', () => {
    for (const { state } of maps)
      expect([state.ToleratedFailurePercentage ?? 0, state.ToleratedFailureCount ?? 0]).toEqual([0, 0]);
  });

  test("looks at the context's item only, and only in its ItemSelector", () => {
    for (const { state } of maps)
      expect(contextPaths(state.ItemSelector)).toEqual([{ at: '/shard.$', path: '$$.Map.Item.Value' }]);
  });

  test('has children whose last state returns nothing, and passes nothing of them on', () => {
    for (const { state } of maps) {
      const last = Object.values(state.ItemProcessor?.States ?? {}).filter(
        ({ End, Type }) => End === true || Type === 'Succeed',
      );
      expect(last).toHaveLength(1);
      expect(last[0]?.OutputPath).toBeNull();
      expect(state.ResultPath).toBeNull();
    }
  });
});

describe('every machine', () => {
  test('catches States.ALL or nothing outside a Map, and inside one nothing at all; Begin what it refuses', () => {
    for (const { state, insideMap, ...at } of states) {
      const caught = ((state.Catch ?? []) as { ErrorEquals: string[] }[]).map(
        ({ ErrorEquals }) => ErrorEquals,
      );
      const expected = at.name === 'Begin' ? 'InvalidInput' : 'States.ALL';
      expect(caught, label(at)).toEqual(caught.length === 0 || insideMap ? [] : [[expected]]);
    }
  });

  test('has a way on from every state of Backup, Restore and Replicate that can fail', () => {
    for (const { machine, name, state, within } of states) {
      if (!['backup', 'restore', 'replicate'].includes(machine) || within.length > 0) continue;
      if (!['Task', 'Parallel', 'Map'].includes(state.Type)) continue;
      expect(Array.isArray(state.Catch), `${machine}/${name}`).toBe(true);
    }
  });

  test('ends by itself before what waits for it gives up', () => {
    const seconds = (machine: MachineName) => Number(readDefinition(machine).TimeoutSeconds);
    for (const name of machineNames) expect(seconds(name), name).toBeGreaterThan(0);
    for (const { machine, name, state } of tasks) {
      const task = taskOf(name, state);
      if (task.kind !== 'execution' || !task.waits) continue;
      expect(state.TimeoutSeconds, `${machine}/${name}`).toBeGreaterThan(seconds(task.machine));
      if (task.machine !== 'clean-up') expect(seconds(machine)).toBeGreaterThan(seconds(task.machine));
    }
    expect(seconds('keep-snapshot')).toBeGreaterThan(seconds('backup'));
  });

  test('uses no intrinsic that ends at 1,000 items', () => {
    for (const { definition } of machines)
      expect(JSON.stringify(definition)).not.toContain('States.ArrayRange');
  });

  test('names each of its states once', () => {
    for (const { name, definition } of machines) {
      const names = allStates(definition).map((found) => found.name);
      expect(new Set(names).size, name).toBe(names.length);
    }
  });

  test('leads nowhere but to its own states, and every state is reached', () => {
    const check = (definition: Definition) => {
      const targets = new Set([definition.StartAt]);
      for (const state of Object.values(definition.States)) {
        const rules = [
          ...((state.Choices ?? []) as { Next: string }[]),
          ...((state.Catch ?? []) as { Next: string }[]),
        ];
        for (const next of [state.Next, state.Default, ...rules.map(({ Next }) => Next)])
          if (typeof next === 'string') targets.add(next);
        state.Branches?.forEach(check);
        if (state.ItemProcessor) check(state.ItemProcessor);
      }
      expect([...targets].sort()).toEqual(Object.keys(definition.States).sort());
    };
    for (const { definition } of machines) check(definition);
  });
});

test('OpenSnapshot waits for the keeper at a steady pace for about ten minutes', () => {
  const { Retry } = readDefinition('backup').States.OpenSnapshot as { Retry?: Record<string, unknown>[] };
  const waiting = Retry?.[0] as { ErrorEquals: string[]; IntervalSeconds: number; MaxAttempts: number };
  expect(waiting).toMatchObject({ ErrorEquals: ['SnapshotNotReady'], BackoffRate: 1 });
  expect(waiting.IntervalSeconds * waiting.MaxAttempts).toBe(600);
});

test('a keeper is followed by the next one before its 15 minutes are over', () => {
  expect(readDefinition('keep-snapshot').States.WaitForHandOver?.Seconds).toBe(540);
});

test('nothing is retried or waited for by a wildcard, and every retry but the wait for the keeper has full jitter', () => {
  for (const { name, state, ...at } of tasks) {
    for (const retrier of (state.Retry ?? []) as { ErrorEquals: string[]; JitterStrategy?: string }[]) {
      expect(retrier.ErrorEquals, label({ name, ...at })).not.toContain('States.TaskFailed');
      expect(retrier.ErrorEquals, label({ name, ...at })).not.toContain('States.ALL');
      const awaits = retrier.ErrorEquals[0] === 'SnapshotNotReady';
      expect(retrier.JitterStrategy, label({ name, ...at })).toBe(awaits ? undefined : 'FULL');
    }
  }
});

test('the list of retried errors has no wildcard and names nothing twice', () => {
  const names = retriedErrors.flatMap((group) => group.names);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => /States\.(ALL|TaskFailed)/.test(name))).toEqual([]);
  expect(isRetried('SnapshotNotReady')).toBe(false);
});

test('files of the definitions are as npm run definitions writes them', () => {
  for (const { name, definition } of machines) {
    const text = readFileSync(new URL(`../../local/definitions/${name}.asl.json`, import.meta.url), 'utf8');
    expect(text).toBe(`${JSON.stringify(definition, null, 2)}\n`);
  }
});
