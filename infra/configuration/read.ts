import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { exampleConfiguration } from './examples.ts';
import { problemsOf } from './problems.ts';
import { Configuration } from './schema.ts';
import { ConfigurationUnusable } from './unusable.ts';

const fileNames = ['replicator.config.json', 'replicator.config.yaml', 'replicator.config.yml'];

export interface FoundConfiguration {
  readonly configuration: Configuration;
  /** Against which relative paths in it are meant. */
  readonly folder: string;
}

/**
 * Finds the configuration: the file given, or the one in the folder, or the example where there is none.
 * @throws ConfigurationUnusable
 */
export function findConfiguration(folder: string, given?: string): FoundConfiguration {
  const found = given ? [resolve(given)] : fileNames.map((name) => join(folder, name)).filter(existsSync);
  const [file, another] = found;
  if (another) throw new ConfigurationUnusable(`there are ${found.join(' and ')}: keep one of them`);
  if (!file) return { configuration: exampleConfiguration, folder };
  return { configuration: readConfiguration(file), folder: dirname(file) };
}

/**
 * Reads a configuration file: YAML, which allows comments and of which JSON is a part.
 * @throws ConfigurationUnusable naming the file and every field that doesn't fit
 */
export function readConfiguration(file: string): Configuration {
  const parsed = Configuration.safeParse(documentIn(file));
  if (parsed.success) return parsed.data;
  throw new ConfigurationUnusable([`${file} does not fit:`, ...problemsOf(parsed.error)].join('\n  '));
}

function documentIn(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'), { uniqueKeys: true, version: '1.2' });
  } catch (cause) {
    const why = cause instanceof YAMLParseError ? cause.message : messageOf(cause);
    throw new ConfigurationUnusable(`${file} can't be read: ${why}`, { cause });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
