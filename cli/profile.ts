import { builtIn, findProfile, findTexts } from '../functions/profile/find-profile.ts';
import type { Switch } from '../functions/profile/format.ts';
import type { Io } from './io.ts';
import type { OptionsInput } from './option.ts';
import * as option from './options.ts';
import { refuseExtra } from './parse-options.ts';
import { printResult } from './report/print-result.ts';
import { validateOptions } from './validate-options.ts';
import type { Verb } from './verb.ts';

const options = { json: option.json };

/** A profile as it is written, and what its switches are. */
export interface ShownProfile {
  readonly name: string;
  readonly text: string;
  readonly switches: Readonly<Record<string, Switch>>;
}

export const profileVerb: Verb = {
  name: 'profile',
  summary: 'Print a built-in profile, or read a file of yours and say what is wrong with it',
  usage: '[NAME|FILE] [--json]',
  details: [
    `Built in: ${Object.keys(builtIn).join(', ')}, which is printed where nothing is named. A file may extend one and change some of its rules (docs/profiles.md).`,
    'Whether its rules fit a database is seen at a backup or a restore, before anything is read or loaded.',
  ],
  options,
  async run(written, io) {
    refuseExtra(written.positionals, 1);
    const chosen = validateOptions(options, written.values, io.environment);
    const shown = await profile({ ...chosen, reference: written.positionals[0] ?? 'nautobot' }, io);
    printResult(io, chosen, { profile: shown }, shown.text.trimEnd().split('\n'));
    return 0;
  },
};

/** @throws BadProfile with everything that can be said without a database */
export async function profile(
  { reference }: OptionsInput<typeof options> & { readonly reference: string },
  _io: Io,
): Promise<ShownProfile> {
  const { name, switches } = await findProfile({ reference, folder: process.cwd() });
  const texts = await findTexts(reference, process.cwd());
  return { name, switches, text: texts.at(-1)?.text ?? '' };
}
