import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectFolder = fileURLToPath(new URL('..', import.meta.url));
const handlersFolder = join(projectFolder, 'functions', 'handlers');

/** Where a handler is written. Files are named after states: `CopyShard` is `copyShard` of `backup/copy-shard.ts`. */
export interface HandlerSource {
  readonly file: string;
  readonly exportName: string;
}

/** @throws Error naming the places where the file was looked for */
export function handlerSource(handler: string): HandlerSource {
  const name = `${handler.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`;
  const places = ['', 'backup', 'restore'].map((folder) => join(handlersFolder, folder, name));
  const file = places.find((place) => existsSync(place));
  if (!file) throw new Error(`the handler ${handler} is in none of ${places.join(', ')}`);
  return { file, exportName: handler.charAt(0).toLowerCase() + handler.slice(1) };
}
