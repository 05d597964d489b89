import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { exampleConfigurations } from './configuration/examples.ts';
import { templateTexts } from './template-text.ts';

/** Writes what deployments come to, for people to see what a change changes; a test holds the files and the code together. */
const folder = new URL('../test/infra/snapshots/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) rmSync(new URL(name, folder));
for (const [name, configuration] of Object.entries(exampleConfigurations))
  for (const [stack, text] of Object.entries(templateTexts(configuration)))
    writeFileSync(new URL(`${name}.${stack}.yaml`, folder), text);
