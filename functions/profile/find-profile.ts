import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { ProfileChoice } from '../run/surroundings.ts';
import { nautobot } from './built-in/nautobot.ts';
import { BadProfile, refuseProblems } from './errors.ts';
import { extendedBy, type Profile, type ProfileText, readProfile } from './read-profile.ts';

/** Profiles that come with the program, as YAML. */
export const builtIn: Readonly<Record<string, string>> = { nautobot };

/** Longer chains of profiles that extend one another are a circle. */
const longestChain = 10;

/**
 * Reads the profile that a person chose, with those that it extends.
 * @throws BadProfile
 */
export async function findProfile(choice: ProfileChoice): Promise<Profile> {
  const texts =
    choice.reference === undefined
      ? [{ name: '--rows', text: 'version: 1\n' }]
      : await findTexts(choice.reference, choice.folder);
  return withRows(readProfile(texts, choice.switches), choice.rows ?? []);
}

/**
 * The texts of a profile, the one that is extended first.
 * @throws BadProfile for a file that can't be read, or files that extend one another
 */
export async function findTexts(reference: string, folder: string): Promise<ProfileText[]> {
  const texts: ProfileText[] = [];
  let next: string | undefined = reference;
  let from = folder;
  let beside = '';
  while (next !== undefined) {
    if (texts.length === longestChain)
      throw new BadProfile(
        `${reference}: profiles extend one another in a circle, or more than ${longestChain} do`,
      );
    const file = resolve(from, next);
    const shown: string = isAbsolute(next) ? next : join(beside, next);
    const known = Object.hasOwn(builtIn, next) ? builtIn[next] : undefined;
    const text: ProfileText =
      known === undefined ? { name: shown, text: await textOf(file, shown) } : { name: next, text: known };
    texts.unshift(text);
    if (known === undefined) {
      from = dirname(file);
      beside = dirname(shown);
    }
    next = extendedBy(text);
  }
  return texts;
}

async function textOf(file: string, wanted: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? 'it is not UTF-8';
    throw new BadProfile(
      `${wanted} is neither a built-in profile (${Object.keys(builtIn).join(', ')}) nor a file that can be read (${file}: ${why})`,
      { cause },
    );
  }
}

/** `TABLE: PREDICATE`; a pattern's own colons stand in double quotes. */
const tableAndPredicate = /^\s*((?:[^":]|"(?:[^"]|"")*")+?)\s*:(?!:)\s*(\S[\s\S]*)$/;

function withRows(profile: Profile, rows: readonly string[]): Profile {
  if (rows.length === 0) return profile;
  const wrong = rows.filter((text) => !tableAndPredicate.test(text));
  refuseProblems(
    wrong.map((text) => ({ place: '--rows', what: `${JSON.stringify(text)} is not "TABLE: PREDICATE"` })),
    'nothing was done',
  );
  const rules = rows.flatMap((text) => {
    const [, table = '', predicate = ''] = tableAndPredicate.exec(text) ?? [];
    const rule = { table, optional: false, column: null, place: '--rows' };
    return [
      { ...rule, about: 'table' as const, text: '' },
      { ...rule, about: 'rows' as const, text: predicate },
    ];
  });
  const section = { switches: {}, has: [], lacks: [], rules, statements: [] };
  return { ...profile, sections: [...profile.sections, section] };
}
