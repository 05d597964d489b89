import { describe, expect, it, vi } from 'vitest';
import { freeLocks, takeLock } from '../../functions/locks/run-lock.ts';
import type { RunOwner } from '../../functions/run/owner.ts';
import { runIdOf } from '../../functions/run/run-id.ts';
import { openStore } from '../../functions/store/open-store.ts';
import { freshBucket } from '../servers/fresh-bucket.ts';

const subject = { kind: 'target' as const, identity: 'server one', description: 'staging' };
const owner = (pid: number): RunOwner => ({ kind: 'process', host: 'h', bootId: 'b', pid, startedAt: 's' });
const run = (pid: number) => ({ id: runIdOf(`execution ${pid}`, '2026-11-23T05:43:00Z'), owner: owner(pid) });
const everyoneLives = { isAlive: async () => true, clearDead: async () => {} };
const freshStore = async () => {
  const bucket = await freshBucket();
  Object.assign(process.env, bucket.env);
  return openStore(bucket.uri('p'));
};

describe('a lock', () => {
  it('lets one of many that come at the same moment in, and names it to the others', async () => {
    const store = await freshStore();
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((pid) => takeLock(store, subject, run(pid), everyoneLives)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled') + 1;
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ code: 'RunInProgress', exitCode: 3 });
        expect(outcome.reason.message).toContain(run(winner).id);
      }
  });

  it('is taken again by the run that holds it, and by another after it is freed', async () => {
    const store = await freshStore();
    await takeLock(store, subject, run(1), everyoneLives);
    await takeLock(store, subject, run(1), everyoneLives);
    await expect(takeLock(store, subject, run(2), everyoneLives)).rejects.toMatchObject({
      code: 'RunInProgress',
    });
    await freeLocks(store, run(1).id);
    await takeLock(store, subject, run(2), everyoneLives);
  });

  it('of a run that has died is cleared by the next one, which has the dead run cleaned up first', async () => {
    const store = await freshStore();
    await takeLock(store, subject, run(1), everyoneLives);
    const clearDead = vi.fn((id: string) => freeLocks(store, id));
    await takeLock(store, subject, run(2), { isAlive: async () => false, clearDead });
    expect(clearDead).toHaveBeenCalledWith(run(1).id);
  });

  it('on one subject leaves another free', async () => {
    const store = await freshStore();
    await takeLock(store, subject, run(1), everyoneLives);
    await takeLock(store, { ...subject, identity: 'server two' }, run(2), everyoneLives);
    await takeLock(store, { ...subject, kind: 'source' }, run(3), everyoneLives);
  });
});
