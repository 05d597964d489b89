import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { begin } from '../../functions/handlers/begin.ts';
import { type InputKind, readInput } from '../../functions/run/execution-input.ts';
import { surroundings } from '../local/fake-surroundings.ts';

const complaint = (kind: InputKind, input: unknown) => {
  const read = readInput(kind, input);
  return 'complaint' in read ? read.complaint : undefined;
};

const runBegin = (kind: InputKind, input: unknown, more: object = {}, unavailable: string[] = []) =>
  begin(
    { kind, input, executionId: 'arn:aws:states:x', startedAt: '2026-11-23T05:43:00Z', ...more },
    {
      ...surroundings(),
      unavailable,
      signal: new AbortController().signal,
      remainingMs: () => Number.POSITIVE_INFINITY,
    },
  );

describe('the input of an execution', () => {
  test.each<[InputKind, unknown, string]>([
    ['backup', { jobz: 4 }, 'jobz is not a field; did you mean jobs?'],
    ['backup', { jobs: '4' }, 'jobs must be a number and is a text'],
    ['backup', { jobs: 1.5 }, 'jobs must be a whole number and is a number with a fraction'],
    ['backup', { jobs: 0 }, 'jobs must be at least 1'],
    ['backup', { jobs: 5000 }, 'jobs must be at most 1000'],
    ['backup', { blockedSeconds: 0 }, 'blockedSeconds must be more than 0'],
    ['backup', { schemaOnly: 'yes' }, 'schemaOnly must be true or false and is a text'],
    ['backup', { excludeTables: 'dcim_cable' }, 'excludeTables must be a list and is a text'],
    ['backup', { excludeTables: ['a', 7] }, 'excludeTables[1] must be a text and is a number'],
    ['backup', null, 'the input must be an object and is null'],
    ['backup', [], 'the input must be an object and is a list'],
    [
      'restore',
      { backup: 'yesterday' },
      'backup must be latest, or the id of a backup like 20261123T054300Z-k3f9qa',
    ],
    ['replicate', { restroe: {} }, 'restroe is not a field; did you mean restore?'],
    ['replicate', { jobs: 2 }, 'jobs is not a field; there are backup, restore'],
    ['replicate', { backup: { jbos: 2 } }, 'backup.jbos is not a field; did you mean jobs?'],
    ['replicate', { restore: { tables: 5 } }, 'restore.tables must be a list and is a number'],
  ])('%s: %j is refused by name', (kind, input, expected) => {
    expect(complaint(kind, input)).toBe(expected);
  });

  test('is told all that is wrong with it at once', () => {
    expect(complaint('backup', { jobs: -1, Comment: 'Insert your JSON here' })?.split('; ')).toHaveLength(3);
  });

  test('names the backup of a Replicate itself: another one is not asked for', () => {
    expect(complaint('replicate', { restore: { backup: 'latest' } })).toContain(
      'restore.backup is not a field',
    );
  });

  test('may be empty: every field has a default', () => {
    for (const kind of ['backup', 'restore', 'replicate'] as const)
      expect(complaint(kind, {})).toBeUndefined();
  });

  test('never has its values repeated, which may be secrets in the wrong place', () => {
    const secret = 'postgres-password-7421';
    fc.assert(
      fc.property(
        fc.constantFrom<InputKind>('backup', 'restore', 'replicate'),
        fc.object({
          key: fc.constantFrom('backup', 'restore', 'jobs', 'tables', 'source', 'x'),
          values: [fc.constant(secret)],
        }),
        (kind, input) => {
          expect(complaint(kind, input) ?? '').not.toContain(secret);
        },
      ),
    );
  });
});

describe('Begin', () => {
  test('refuses a wrong input by its own error, before anything starts', async () => {
    await expect(runBegin('backup', { jobz: 4 })).rejects.toMatchObject({
      code: 'InvalidInput',
      message: 'the input of backup does not fit: jobz is not a field; did you mean jobs? (docs/inputs.md)',
    });
  });

  test("fills in the deployment's defaults where the input does not say", async () => {
    const defaults = { jobs: 6, keepPrevious: true };
    expect(await runBegin('restore', { jobs: 3 }, { defaults })).toMatchObject({
      run: { kind: 'restore', round: 1 },
      options: { jobs: 3, keepPrevious: true, backup: 'latest' },
    });
  });

  test('leaves the halves of a Replicate to their own machines, once both are known to be right', async () => {
    expect(await runBegin('replicate', { restore: { jobs: 3 } })).toEqual({
      backup: {},
      restore: { jobs: 3 },
    });
    await expect(runBegin('replicate', { restore: { jobs: 'x' } })).rejects.toMatchObject({
      code: 'InvalidInput',
    });
  });

  test('refuses what the deployment has nothing for, and not hours later', async () => {
    await expect(runBegin('restore', { afterRestore: true }, {}, ['afterRestore'])).rejects.toThrow(
      'this deployment has nothing configured for afterRestore',
    );
    await expect(
      runBegin('replicate', { restore: { invalidateCache: true } }, {}, ['invalidateCache']),
    ).rejects.toThrow('invalidateCache');
    await runBegin('restore', { afterRestore: false }, {}, ['afterRestore']);
  });
});
