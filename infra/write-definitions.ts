import { mkdirSync, writeFileSync } from 'node:fs';
import { localDefinitions } from './local-definitions.ts';

/** Writes what the command line runs; a test holds the files and the constructs together. */
const folder = new URL('../local/definitions/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, definition] of Object.entries(localDefinitions()))
  writeFileSync(new URL(`${name}.asl.json`, folder), `${JSON.stringify(definition, null, 2)}\n`);
