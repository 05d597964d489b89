import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { minimalConfiguration } from '../../infra/configuration/examples.ts';
import { Configuration } from '../../infra/configuration/schema.ts';
import { type AssetsFor, handlerAssets } from '../../infra/handler-assets.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'profiles-'));
  mkdirSync(join(folder, 'ours', 'profiles'), { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(folder, 'ours', name), text);
  write('profiles/base.yaml', 'version: 1\nextends: nautobot\n');
  write('profiles/staging.yaml', 'version: 1\nextends: base.yaml\n');
  write('profiles/broken.yaml', 'version: 1\nextendz: nautobot\n');
  writeFileSync(join(folder, 'elsewhere.yaml'), 'version: 1\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const assetsWith = (profile: string): Promise<AssetsFor> =>
  handlerAssets({
    folder: join(folder, 'ours'),
    configuration: Configuration.parse({
      ...minimalConfiguration,
      source: { ...minimalConfiguration.source, profile },
    }),
  });

/** The directory that a handler's asset is made of. */
const directoryOf = (assetsFor: AssetsFor, profile: string | undefined, handler: string): string => {
  const code = assetsFor(profile).codeOf(handler) as unknown as { path: string };
  return code.path;
};

describe('a profile that is a file', () => {
  const chosen = './profiles/staging.yaml';
  let assetsFor: AssetsFor;
  beforeAll(async () => {
    assetsFor = await assetsWith(chosen);
  });

  test('lies beside every handler that reads it, with what it extends, and is named from there', () => {
    const { profile } = assetsFor(chosen);
    expect(profile).toBe('profile/profiles/staging.yaml');
    const directory = directoryOf(assetsFor, chosen, 'OpenSnapshot');
    expect(readFileSync(join(directory, profile ?? ''), 'utf8')).toContain('extends: base.yaml');
    expect(existsSync(join(directory, 'profile', 'profiles', 'base.yaml'))).toBe(true);
    expect(existsSync(join(directory, 'index.mjs'))).toBe(true);
  });

  test('is in no other asset', () => {
    const unrelated = directoryOf(assetsFor, chosen, 'DumpSchema');
    expect(existsSync(join(unrelated, 'profile'))).toBe(false);
    expect(directoryOf(assetsFor, undefined, 'DumpSchema')).toBe(unrelated);
    expect(existsSync(join(directoryOf(assetsFor, undefined, 'OpenSnapshot'), 'profile'))).toBe(false);
  });

  test('is read at synthesis: what is wrong with it is said then', async () => {
    await expect(assetsWith('./profiles/broken.yaml')).rejects.toThrow(/broken\.yaml.*extendz/s);
    await expect(assetsWith('./profiles/none.yaml')).rejects.toThrow(/none\.yaml/);
    await expect(assetsWith('../elsewhere.yaml')).rejects.toThrow(/elsewhere\.yaml must lie in/);
  });
});

test('a built-in profile is named as it is', async () => {
  expect((await assetsWith('nautobot'))('nautobot').profile).toBe('nautobot');
});
