import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { executionInputs, type InputKind, readInput } from '../../functions/run/execution-input.ts';

const page = readFileSync(new URL('../../docs/inputs.md', import.meta.url), 'utf8');

/** The chapter of a machine, from its heading to the next one. */
function chapter(title: string): string {
  return page.split(/^## /m).find((text) => text.startsWith(`${title}\n`)) ?? '';
}

function rows(title: string): Map<string, string> {
  const lines = chapter(title).matchAll(/^\| `(\w+)` \| [^|]+ \| ([^|]*) \|/gm);
  return new Map([...lines].map(([, field = '', preset = '']) => [field, preset.trim()]));
}

describe('docs/inputs.md', () => {
  test.each([
    ['Backup', 'backup'],
    ['Restore', 'restore'],
  ] as const)('%s: lists every field of the input, with its default', (title, kind) => {
    const described = rows(title);
    const read = readInput(kind, {}) as { input: Record<string, unknown> };
    expect([...described.keys()].sort(), 'docs/inputs.md needs a line for every field').toEqual(
      Object.keys((executionInputs[kind] as z.ZodObject).shape).sort(),
    );
    for (const [field, preset] of described)
      expect(preset.replaceAll('`', ''), field).toBe(
        typeof read.input[field] === 'object' ? JSON.stringify(read.input[field]) : String(read.input[field]),
      );
  });

  test.each<[string, InputKind]>([
    ['Backup', 'backup'],
    ['Restore', 'restore'],
    ['Replicate', 'replicate'],
  ])('%s: has examples that are inputs', (title, kind) => {
    const examples = [...chapter(title).matchAll(/```json\n(.*?)```/gs)];
    expect(examples.length).toBeGreaterThan(0);
    for (const [, example = ''] of examples)
      expect(readInput(kind, JSON.parse(example))).toHaveProperty('input');
  });
});
