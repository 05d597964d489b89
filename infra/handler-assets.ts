import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { builtIn, findTexts } from '../functions/profile/find-profile.ts';
import { readProfile } from '../functions/profile/read-profile.ts';
import { bundleHandlers } from './bundle.ts';
import type { FoundConfiguration } from './configuration/read.ts';
import { ConfigurationUnusable } from './configuration/unusable.ts';
import type { CodeOf } from './handler-functions.ts';
import { handlerNeeds } from './handler-needs.ts';

/** The functions' code for one profile, and what the profile is called beside it. */
export interface HandlerAssets {
  readonly codeOf: CodeOf;
  readonly profile: string | undefined;
}

/** By the profile that a configuration names. */
export type AssetsFor = (profile: string | undefined) => HandlerAssets;

/**
 * Bundles all handlers, and lays the profiles of a configuration that are files, with those that they extend, beside
 * the handlers that read them.
 * @throws ConfigurationUnusable, BadProfile: a profile is read here, and not for the first time at night
 */
export async function handlerAssets({ configuration, folder }: FoundConfiguration): Promise<AssetsFor> {
  const bundles = await bundleHandlers(Object.keys(handlerNeeds));
  const { source, targets } = configuration;
  const assets = new Map<string, HandlerAssets>();
  for (const profile of new Set([source?.profile, ...targets.map((target) => target.profile)])) {
    if (profile === undefined || Object.hasOwn(builtIn, profile)) continue;
    assets.set(profile, await withProfile(bundles, profile, folder));
  }
  return (profile) =>
    assets.get(profile ?? '') ?? { codeOf: (handler) => Code.fromAsset(bundles.get(handler) ?? ''), profile };
}

async function withProfile(
  bundles: ReadonlyMap<string, string>,
  profile: string,
  folder: string,
): Promise<HandlerAssets> {
  const texts = await findTexts(profile, folder);
  readProfile(texts);
  const files = texts.filter(({ name }) => !Object.hasOwn(builtIn, name));
  const places = files.map(({ name, text }) => ({ place: placeOf(name, folder), text }));
  const digest = createHash('sha256').update(JSON.stringify(places)).digest('hex').slice(0, 12);
  const codeOf = (handler: string) => {
    const bundle = bundles.get(handler) ?? '';
    return Code.fromAsset(handlerNeeds[handler]?.profile ? beside(bundle, places, digest) : bundle);
  };
  return { codeOf, profile: places.at(-1)?.place };
}

/** Below a folder of their own, lying to one another as they do where they are written. */
function placeOf(file: string, folder: string): string {
  const path = relative(folder, resolve(folder, file));
  if (path.startsWith('..') || isAbsolute(path))
    throw new ConfigurationUnusable(`the profile ${file} must lie in ${folder}, or below`);
  return join('profile', path);
}

/** A copy of a handler's bundle with files in it, beside all bundles. */
function beside(
  bundle: string,
  files: readonly { readonly place: string; readonly text: string }[],
  digest: string,
): string {
  const copy = join(dirname(bundle), `.profile-${digest}`, relative(dirname(bundle), bundle));
  if (existsSync(copy)) return copy;
  cpSync(bundle, copy, { recursive: true });
  for (const { place, text } of files) {
    mkdirSync(dirname(join(copy, place)), { recursive: true });
    writeFileSync(join(copy, place), text);
  }
  return copy;
}
