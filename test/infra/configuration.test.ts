import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exampleConfiguration, readConfiguration } from '../../infra/configuration.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'configuration-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: unknown): string {
  const path = join(folder, 'replicator.config.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}
const { network, source } = exampleConfiguration;

test('takes the example where there is no file', () => {
  expect(readConfiguration(join(folder, 'none.json'))).toBe(exampleConfiguration);
});

test('fills in what is left out', () => {
  expect(readConfiguration(file({ network, source }))).toEqual({
    stackName: 'NautobotReplicator',
    network,
    source,
    prefix: '',
    runsExpireAfterDays: 7,
    logRetentionDays: 90,
  });
});

test.each([
  ['an unknown field', { network, source, sorce: {} }, 'sorce'],
  ['a missing source', { network }, 'source'],
  ['a prefix without its slash', { network, source, prefix: 'nautobot' }, 'must be empty or end with /'],
  ['a secret in place of its ARN', { network, source: { secretArn: 'postgres://u:p@h/d' } }, 'is not an ARN'],
  ['an odd schedule', { network, source, schedule: { expression: 'daily' } }, 'schedule.expression'],
])('refuses %s by name', (_, content, part) => {
  const path = file(content);
  expect(() => readConfiguration(path)).toThrow(part);
  expect(() => readConfiguration(path)).toThrow(path);
});
