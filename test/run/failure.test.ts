import { expect, test } from 'vitest';
import { errorOf } from '../../functions/errors/replicator-error.ts';
import { readFailure, recordFailure, recordingFailures } from '../../functions/run/failure.ts';
import { OutOfTime } from '../../functions/run/out-of-time.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import { memoryStore, surroundings } from '../local/fake-surroundings.ts';

class Final extends errorOf({ code: 'FinalInTest', exitCode: 4, meaning: 'A test made it.' }) {}
class Lost extends errorOf({
  code: 'LostInTest',
  exitCode: 1,
  meaning: 'A test made it.',
  startOver: true,
}) {}

const at = { runId: '20261123T054300Z-k3f9qa', round: 1 };
const transient = Object.assign(new Error('the server restarted'), { name: 'ConnectionLost' });

function around(store = memoryStore(), signal = new AbortController().signal): Surroundings {
  return { ...surroundings(store), signal, remainingMs: () => Number.POSITIVE_INFINITY };
}
const state = { run: { id: at.runId, round: 1 }, shard: 3 };

test('the first final error of a round is the reason', async () => {
  const store = memoryStore();
  await recordFailure(store, at, 'CopyShard', new Lost('first'));
  await recordFailure(store, at, 'CopyShard', new Final('second'));
  expect(await readFailure(store, at)).toMatchObject({
    error: 'LostInTest',
    message: 'first',
    startOver: true,
    state: 'CopyShard',
  });
});

test('each round has a reason of its own', async () => {
  const store = memoryStore();
  await recordFailure(store, at, 'CopyShard', new Lost('first round'));
  expect(await readFailure(store, { ...at, round: 2 })).toBeUndefined();
});

test('an error that another attempt made good is not the reason of a later failure', async () => {
  const store = memoryStore();
  await recordFailure(store, at, 'CopyShard', transient);
  await recordFailure(store, at, 'SealBackup', new Final('rows are missing'));
  expect(await readFailure(store, at)).toMatchObject({ error: 'FinalInTest' });
});

test('an error that no attempt made good is the reason where no other is', async () => {
  const store = memoryStore();
  await recordFailure(store, at, 'CopyShard', transient);
  expect(await readFailure(store, at)).toMatchObject({ error: 'ConnectionLost' });
  expect(await readFailure(store, at, 'ConnectionLost')).toMatchObject({ error: 'ConnectionLost' });
  expect(await readFailure(store, at, 'Sandbox.Timedout')).toBeUndefined();
});

test('waiting for the keeper leaves no trace', async () => {
  const objects = new Map<string, string>();
  const store = memoryStore(objects);
  await recordFailure(store, at, 'OpenSnapshot', Object.assign(new Error(), { name: 'SnapshotNotReady' }));
  expect(objects.size).toBe(0);
});

test('a store that fails does not hide the failure', async () => {
  const store = { ...memoryStore(), putNew: () => Promise.reject(new Error('no bucket')) };
  const handler = recordingFailures('CopyShard', () => Promise.reject(new Final('the real one')));
  await expect(handler(state, around(store))).rejects.toThrow('the real one');
});

test('a handler that was aborted leaves none, one whose time ran out does', async () => {
  const objects = new Map<string, string>();
  const store = memoryStore(objects);
  const failing = recordingFailures('CopyShard', () => Promise.reject(new Final('because of the abort')));
  await expect(failing(state, around(store, AbortSignal.abort()))).rejects.toThrow(Final);
  expect(objects.size).toBe(0);
  const outOfTime = AbortSignal.abort(new OutOfTime('nearly over'));
  await expect(failing(state, around(store, outOfTime))).rejects.toThrow(OutOfTime);
  expect(await readFailure(store, at)).toMatchObject({ error: 'OutOfTime' });
});

test('what comes after a run leaves none: its folder is gone by then', async () => {
  const objects = new Map<string, string>();
  const failing = recordingFailures('AnnounceBackup', () => Promise.reject(new Final('not told')));
  await expect(failing(state, around(memoryStore(objects)))).rejects.toThrow(Final);
  expect(objects.size).toBe(0);
});

test('a damaged record is no reason', async () => {
  const store = memoryStore(new Map([[`runs/${at.runId}/round-1/failure.json`, '{"error":']]));
  expect(await readFailure(store, at)).toBeUndefined();
});
