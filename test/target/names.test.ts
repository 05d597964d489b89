import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  applicationName,
  applicationPrefix,
  hiddenDatabaseName,
  ownedBy,
  previousDatabaseName,
  runOfDatabase,
} from '../../functions/target/names.ts';

const runId = '20261123T054300Z-k3f9qa';
const otherRun = '20261123T054300Z-k3f9qb';

test('a database that a run makes is named after its target and the run', () => {
  expect(hiddenDatabaseName('nautobot', runId)).toBe('nautobot_r_20261123T054300Z-k3f9qa');
  expect(previousDatabaseName('nautobot', runId)).toBe('nautobot_p_20261123T054300Z-k3f9qa');
});

test('names fit into 63 bytes whatever the target is called, are whole characters, and tell run and kind', () => {
  const targets = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(targets, (target) => {
      for (const [name, kind] of [
        [hiddenDatabaseName(target, runId), 'hidden'],
        [previousDatabaseName(target, runId), 'previous'],
      ] as const) {
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
        expect(Buffer.from(name).toString()).toBe(name);
        expect(runOfDatabase(name)).toEqual({ runId, kind });
        expect(ownedBy(runId, name)).toBe(true);
        expect(ownedBy(otherRun, name)).toBe(false);
      }
    }),
  );
});

test('two long targets that differ at the end only have different hidden databases', () => {
  const [one, other] = ['ü'.repeat(31), `${'ü'.repeat(30)}x`];
  expect(hiddenDatabaseName(one, runId)).not.toBe(hiddenDatabaseName(other, runId));
});

test.each([
  'nautobot',
  'nautobot_r_',
  'nautobot_r_20261123',
  '_x_20261123T054300Z-k3f9qa',
  'a_r_20261123T054300Z-K3F9QA',
])('a database called %s is of no run', (name) => expect(runOfDatabase(name)).toBeUndefined());

test('application names begin with the run and fit into 63 bytes', () => {
  expect(applicationName(runId, 'load', 7, 'abc')).toBe(`replicator:${runId}:load:7:abc`);
  expect(applicationName(runId, 'x'.repeat(80))).toHaveLength(63);
  expect(applicationName(runId, 'x').startsWith(applicationPrefix(runId))).toBe(true);
});
