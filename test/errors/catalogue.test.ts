import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { allErrors, errorsPage } from '../../docs/write-errors.ts';

describe('the errors of this project', () => {
  it('are those that docs/errors.md lists, with the same exit codes and meanings', async () => {
    const page = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
    expect(page, 'run: npm run docs').toBe(await errorsPage());
  });

  it('each say what is wrong or what to do, in a sentence', async () => {
    const kinds = await allErrors();
    expect(kinds.length).toBeGreaterThan(50);
    for (const { code, meaning } of kinds) {
      expect(code).toMatch(/^(States\.)?[A-Z][A-Za-z]+$/);
      expect(meaning, code).toMatch(/^[A-Z`].{20,}[.?]$/s);
    }
  });
});
