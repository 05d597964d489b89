import { realpath } from 'node:fs/promises';
import { resolve } from 'node:path';

/** One name for a media directory, however it was written: two runs must know that they mean the same. */
export async function realMedia(directory: string | undefined): Promise<string | undefined> {
  return directory === undefined ? undefined : realpath(directory).catch(() => resolve(directory));
}
