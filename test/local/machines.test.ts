import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { errorOf } from '../../functions/errors/replicator-error.ts';
import { announceFailure } from '../../functions/handlers/announce-failure.ts';
import { announceBackup } from '../../functions/handlers/backup/announce-backup.ts';
import { begin } from '../../functions/handlers/begin.ts';
import { readFailure } from '../../functions/handlers/read-failure.ts';
import type { StateHandler } from '../../functions/handlers/state-handler.ts';
import { readDefinition, type StateDefinition } from '../../local/definition.ts';
import { type RunnerOptions, runMachine } from '../../local/run-machine.ts';
import { type Recording, recording } from './fake-surroundings.ts';

class Broken extends errorOf({ code: 'Broken', exitCode: 4, meaning: 'A test made it.' }) {}
class NotReady extends errorOf({ code: 'SnapshotNotReadyInTest', exitCode: 1, meaning: 'A test made it.' }) {}
class Lost extends errorOf({ code: 'Lost', exitCode: 1, meaning: 'A test made it.', startOver: true }) {}

const keeper: StateHandler = async (_, { signal }) => {
  await sleep(60_000, null, { signal }).catch(() => null);
};
const announce: StateHandler = async (state) => {
  const { run, backup, plan, switched, cache } = state as Record<string, unknown>;
  return { run, ...(backup ? { backup } : { plan, switched }), ...(cache ? { cache } : {}) };
};

/** Every handler doing nothing but handing on what the next states look for, and the synthesised definitions. */
function machines(
  handlers: Record<string, StateHandler>,
  definitions: NonNullable<RunnerOptions['definitions']> = {},
): Recording {
  const idle = [
    'Lock DumpSchema CopyShard CompareMedia ArchiveMedia ReadSequences ReleaseSnapshot',
    'CreateDatabase LoadPreData LoadShard ExtractMedia Sanitize BuildIndexes AddConstraints AddTriggers',
    'RefreshViews SetSequences Analyze VerifyRestore AddMediaObjects SettleMediaObjects DrainBroker AfterRestore AnnounceFailure CleanUp',
  ].flatMap((line) => line.split(' '));
  return recording(
    {
      ...Object.fromEntries(idle.map((name) => [name, async () => ({ more: false })])),
      Begin: begin,
      KeepSnapshot: keeper,
      OpenSnapshot: async () => ({ text: '1:1:', takenAt: 'now', walPosition: null }),
      PlanShards: async () => ({ shards: [1, 2, 3] }),
      PlanMedia: async () => ({ shards: [1], more: false }),
      InvalidateCache: async () => ({ deleted: 2 }),
      SealBackup: async (state) => ({
        backupId: (state as { run: { id: string } }).run.id,
        uri: 's3://b/',
        more: false,
      }),
      AnnounceBackup: announce,
      PlanRestore: async (state) => {
        const { options } = state as { options: { backup: string } };
        return { backupId: options.backup, scope: 'database', shards: [1, 2], mediaShards: [1] };
      },
      SwitchOver: async () => ({ ended: 1 }),
      AnnounceRestore: announce,
      ReadFailure: readFailure,
      ...handlers,
    },
    definitions,
  );
}

test('Backup goes through its states in order and returns the sealed backup', async () => {
  const { options, began } = machines({});
  const output = (await runMachine('backup', { jobs: 1, invalidateCache: true }, options)) as {
    run: { id: string; round: number };
  };
  expect(output).toMatchObject({
    run: { round: 1 },
    backup: { backupId: output.run.id },
    cache: { deleted: 2 },
  });
  const alone = began.filter(
    (name) => !['KeepSnapshot', 'PlanMedia', 'CompareMedia', 'ArchiveMedia'].includes(name),
  );
  expect(alone).toEqual(
    [
      'Begin Lock OpenSnapshot DumpSchema PlanShards CopyShard CopyShard CopyShard',
      'ReadSequences ReleaseSnapshot InvalidateCache SealBackup CleanUp AnnounceBackup',
    ].flatMap((line) => line.split(' ')),
  );
});

test('every worker of Backup gets its run, options, snapshot and shard', async () => {
  const inputs: unknown[] = [];
  const { options } = machines({
    CopyShard: async (input) => {
      inputs.push(input);
      return { more: false };
    },
  });
  await runMachine('backup', { jobs: 2 }, options);
  expect(inputs).toHaveLength(3);
  expect(inputs[0]).toMatchObject({
    run: { round: 1, kind: 'backup' },
    options: { jobs: 2 },
    snapshot: { text: '1:1:' },
    shard: 1,
  });
});

test('a wrong input fails the execution with its own error, and nothing has begun', async () => {
  const { options, began } = machines({});
  await expect(runMachine('backup', { jobz: 1 }, options)).rejects.toMatchObject({ code: 'InvalidInput' });
  expect(began).toEqual(['Begin']);
});

test('a worker that fails ends the backup with its own error, after CleanUp', async () => {
  const { options, began, objects } = machines({
    CopyShard: async (input) => {
      if ((input as { shard: number }).shard === 2) throw new Broken('shard 2 is broken');
      return { more: false };
    },
    CleanUp: async () => objects.clear(),
  });
  await expect(runMachine('backup', { jobs: 1 }, options)).rejects.toMatchObject({
    code: 'Broken',
    exitCode: 4,
    message: 'shard 2 is broken',
  });
  expect(began.slice(-3)).toEqual(['ReadFailure', 'CleanUp', 'AnnounceFailure']);
  expect(began).not.toContain('SealBackup');
});

test('a backup that lost its snapshot starts over once, in a second round', async () => {
  const rounds: number[] = [];
  const { options, began } = machines({
    CopyShard: async (input) => {
      const { run, shard } = input as { run: { round: number }; shard: number };
      rounds.push(run.round);
      if (run.round === 1 && shard === 1) throw new Lost('the keeper is gone');
      return { more: false };
    },
  });
  const output = await runMachine('backup', { jobs: 1 }, options);
  expect(output).toMatchObject({ run: { round: 2 } });
  expect(rounds).toEqual([1, 2, 2, 2]);
  expect(began.filter((name) => name === 'OpenSnapshot')).toHaveLength(2);
  expect(began.filter((name) => name === 'ReleaseSnapshot')).toHaveLength(2);
  expect(began.filter((name) => name === 'Lock')).toHaveLength(1);
});

test('a second loss of the snapshot is a failure', async () => {
  const { options, began } = machines({
    CopyShard: async () => {
      throw new Lost('gone again');
    },
  });
  await expect(runMachine('backup', { jobs: 1 }, options)).rejects.toMatchObject({ code: 'Lost' });
  expect(began.filter((name) => name === 'OpenSnapshot')).toHaveLength(2);
  expect(began.at(-1)).toBe('AnnounceFailure');
});

test('the failure path goes to its end although the store, CleanUp and the announcement fail too', async () => {
  const broken: StateHandler = async () => {
    throw new NotReady('also broken');
  };
  const { options, began } = machines({
    DumpSchema: async () => {
      throw new Broken('first');
    },
    ReadFailure: broken,
    CleanUp: broken,
    AnnounceFailure: broken,
  });
  await expect(runMachine('backup', {}, options)).rejects.toMatchObject({ code: 'Broken', message: 'first' });
  // The failure path's own, and the one for executions that were not cleaned up.
  expect(began.filter((name) => name === 'CleanUp')).toHaveLength(2);
});

test('a sealed backup stays a success when cleaning up or announcing it fails', async () => {
  const broken: StateHandler = async () => {
    throw new Broken('too late to matter');
  };
  const { options } = machines({ CleanUp: broken, AnnounceBackup: broken });
  const output = (await runMachine('backup', {}, options)) as { run: { id: string } };
  expect(output).toMatchObject({ backup: { backupId: output.run.id } });
});

test('the keeper has ended before CleanUp begins', async () => {
  const order: string[] = [];
  const { options } = machines({
    KeepSnapshot: async (_, { signal }) => {
      await sleep(60_000, null, { signal }).catch(() => sleep(50));
      order.push('keeper ended');
    },
    DumpSchema: async () => {
      await sleep(50);
      throw new Broken('no definitions');
    },
    CleanUp: async () => order.push('CleanUp'),
  });
  await expect(runMachine('backup', {}, options)).rejects.toThrow(Broken);
  expect(order).toEqual(['keeper ended', 'CleanUp']);
});

test('Restore goes through its states in order', async () => {
  const { options, began } = machines({});
  const backup = '20261123T054300Z-k3f9qa';
  const output = await runMachine(
    'restore',
    { backup, jobs: 1, invalidateCache: true, afterRestore: true },
    options,
  );
  expect(output).toMatchObject({ run: { kind: 'restore' }, switched: { ended: 1 }, cache: { deleted: 2 } });
  expect(began.filter((name) => name !== 'ExtractMedia')).toEqual(
    [
      'Begin Lock PlanRestore CreateDatabase LoadPreData LoadShard LoadShard Sanitize BuildIndexes AddConstraints',
      'AddTriggers RefreshViews SetSequences Analyze VerifyRestore SwitchOver InvalidateCache AfterRestore',
      'CleanUp AnnounceRestore',
    ].flatMap((line) => line.split(' ')),
  );
});

test('a restore that fails switches nothing over', async () => {
  const { options, began } = machines({
    VerifyRestore: async () => Promise.reject(new Broken('a row is missing')),
  });
  await expect(runMachine('restore', {}, options)).rejects.toMatchObject({ message: 'a row is missing' });
  expect(began).not.toContain('SwitchOver');
  expect(began.at(-2)).toBe('CleanUp');
});

test('Replicate restores the backup that it has just made', async () => {
  const { options } = machines({});
  const output = (await runMachine('replicate', { backup: { jobs: 1 }, restore: { jobs: 1 } }, options)) as {
    backup: { backup: { backupId: string } };
  };
  expect(output).toMatchObject({
    backup: { run: { kind: 'backup' } },
    restore: { run: { kind: 'restore' } },
  });
});

test('Replicate ends with the error of what failed inside it, each run cleaned up by its own id', async () => {
  const cleaned: unknown[] = [];
  const { options, began } = machines({
    LoadPreData: async () => Promise.reject(new Broken('inside')),
    CleanUp: async (input) => cleaned.push((input as { runId: string }).runId),
  });
  const error = await runMachine('replicate', { backup: {}, restore: {} }, options).catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'Broken', message: 'inside' });
  expect(cleaned).toHaveLength(2);
  expect(new Set(cleaned).size).toBe(2);
  expect(began.filter((name) => name === 'ReadFailure')).toHaveLength(1);
});

test('Ctrl-C during Replicate cleans up the run that was going on', async () => {
  const cleaned: unknown[] = [];
  const { options, abort } = machines({
    LoadShard: async (_, { signal }) => {
      setTimeout(() => abort(), 10);
      await sleep(60_000, null, { signal });
    },
    CleanUp: async (input) => cleaned.push((input as { outcome: string }).outcome),
  });
  await expect(runMachine('replicate', { backup: {}, restore: {} }, options)).rejects.toMatchObject({
    code: 'Interrupted',
  });
  expect(cleaned).toEqual(['sealed', 'aborted']);
});

test('on Ctrl-C too, the keeper has ended before CleanUp begins', async () => {
  const order: string[] = [];
  const { options, abort } = machines({
    KeepSnapshot: async (_, { signal }) => {
      setTimeout(() => abort(), 20);
      await sleep(60_000, null, { signal }).catch(() => sleep(100));
      order.push('keeper ended');
    },
    DumpSchema: async (_, { signal }) => sleep(60_000, null, { signal }),
    CleanUp: async () => order.push('CleanUp'),
  });
  await expect(runMachine('backup', {}, options)).rejects.toMatchObject({ code: 'Interrupted' });
  expect(order).toEqual(['keeper ended', 'CleanUp']);
});

test('a handler that has more to do is entered again with the same input, until it has not', async () => {
  const inputs: unknown[] = [];
  let left = 3;
  const { options, began } = machines({
    CopyShard: async (input) => {
      inputs.push(input);
      return { more: (input as { shard: number }).shard === 2 && --left > 0 };
    },
    SealBackup: async (state) => ({
      backupId: (state as { run: { id: string } }).run.id,
      uri: 's3://b/',
      more: began.filter((name) => name === 'SealBackup').length < 4,
    }),
  });
  await runMachine('backup', { jobs: 1 }, options);
  expect(inputs.map((input) => (input as { shard: number }).shard)).toEqual([1, 2, 2, 2, 3]);
  expect(began.filter((name) => name === 'SealBackup')).toHaveLength(4);
});

test('with lifetimes of some seconds, waits are shorter by as much, and who overstays is tried again', async () => {
  let kept = 0;
  let planned = 0;
  const remaining: number[] = [];
  const { options } = machines({
    KeepSnapshot: async () => {
      kept += 1;
    },
    PlanShards: async (_, { remainingMs }) => {
      remaining.push(remainingMs());
      planned += 1;
      if (planned === 1) await sleep(1_200);
      return { shards: [1] };
    },
    CopyShard: async () => {
      await sleep(900);
      return { more: false };
    },
  });
  await runMachine('backup', { jobs: 1 }, { ...options, lambdaSeconds: 1 });
  expect(planned).toBe(2);
  expect(Math.max(...remaining)).toBeLessThanOrEqual(1_000);
  expect(kept).toBeGreaterThan(2);
});

describe('what a run announces', () => {
  /** The synthesised machine with a handler in place of EventBridge. */
  const toldBy = (machine: 'backup' | 'restore') => {
    const definition = readDefinition(machine);
    const states = Object.entries(definition.States).map(([name, state]): [string, StateDefinition] =>
      state.Resource === 'arn:aws:states:::events:putEvents'
        ? [name, { ...state, Resource: 'arn:aws:lambda:local:000000000000:function:Tell' }]
        : [name, state],
    );
    return { [machine]: { ...definition, States: Object.fromEntries(states) } };
  };
  const told: { DetailType: string; Source: string; Detail: Record<string, unknown> }[] = [];
  const tell: StateHandler = async (input) => void told.push(...(input as { Entries: typeof told }).Entries);
  const detail = {
    version: 1,
    run: expect.stringMatching(/^\d{8}T\d{6}Z-\w{6}$/),
    execution: expect.stringMatching(/^arn:aws:states:/),
    startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  };
  beforeEach(() => {
    told.length = 0;
  });

  test('is the sealed backup, as AnnounceBackup tells of it', async () => {
    const { options } = machines({ Tell: tell, AnnounceBackup: announceBackup }, toldBy('backup'));
    await runMachine('backup', {}, options);
    expect(told).toEqual([
      {
        Source: 'nautobot-replicator',
        DetailType: 'Backup Sealed',
        Detail: { ...detail, backup: { backupId: expect.any(String), uri: 's3://b/' } },
      },
    ]);
  });

  test('is the restored backup, when it is in use', async () => {
    const { options } = machines({ Tell: tell }, toldBy('restore'));
    await runMachine('restore', { backup: '20261123T054300Z-k3f9qa' }, options);
    expect(told).toMatchObject([
      {
        DetailType: 'Restore Finished',
        Detail: { ...detail, backup: '20261123T054300Z-k3f9qa', scope: 'database' },
      },
    ]);
  });

  test('is the failure as its worker wrote it, and that CleanUp failed too', async () => {
    const { options } = machines(
      {
        Tell: tell,
        AnnounceFailure: announceFailure,
        CopyShard: async () => Promise.reject(new Broken('shard 2 is broken')),
        CleanUp: async () => Promise.reject(new Broken('no way there')),
      },
      toldBy('backup'),
    );
    await expect(runMachine('backup', {}, options)).rejects.toMatchObject({ code: 'Broken' });
    expect(told).toMatchObject([
      {
        DetailType: 'Backup Failed',
        Detail: {
          ...detail,
          error: 'Broken',
          message: expect.stringMatching(/^shard 2 is broken; CleanUp failed too/),
          cleanUp: 'FAILED',
        },
      },
    ]);
  });

  test('changes nothing when it can not be told', async () => {
    const broken: StateHandler = async () => Promise.reject(new Broken('no bus'));
    const { options } = machines({ Tell: broken }, toldBy('backup'));
    expect(await runMachine('backup', {}, options)).toMatchObject({ backup: { uri: 's3://b/' } });
  });
});
