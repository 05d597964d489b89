import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RunId, runIdOf } from '../../functions/run/run-id.ts';

describe('the id of a run', () => {
  it('is a function of the execution, and well-formed for any execution', () => {
    const time = fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true });
    fc.assert(
      fc.property(fc.string(), time, (execution, at) => {
        const id = runIdOf(execution, at.toISOString());
        expect(RunId.parse(id)).toBe(runIdOf(execution, at.toISOString()));
      }),
    );
  });

  it('sorts by time', () => {
    expect(runIdOf('a', '2026-11-23T05:43:00.500Z') < runIdOf('b', '2026-11-23T05:43:01Z')).toBe(true);
    expect(runIdOf('a', '2026-11-23T05:43:00Z')).toMatch(/^20261123T054300Z-/);
  });
});
