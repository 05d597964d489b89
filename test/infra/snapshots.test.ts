import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exampleConfigurations } from '../../infra/configuration/examples.ts';
import { templateTexts } from '../../infra/template-text.ts';

const folder = new URL('./snapshots/', import.meta.url);

test.each(Object.entries(exampleConfigurations))(
  'the %s configuration comes to what test/infra/snapshots/ shows (npm run snapshots)',
  (name, configuration) => {
    const texts = templateTexts(configuration);
    const files = readdirSync(folder).filter((file) => file.startsWith(`${name}.`));
    expect(files.sort()).toEqual(
      Object.keys(texts)
        .map((stack) => `${name}.${stack}.yaml`)
        .sort(),
    );
    for (const [stack, text] of Object.entries(texts))
      expect(readFileSync(new URL(`${name}.${stack}.yaml`, folder), 'utf8')).toBe(text);
  },
);
