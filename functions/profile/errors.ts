import { errorOf } from '../errors/replicator-error.ts';

export class BadProfile extends errorOf({
  code: 'BadProfile',
  exitCode: 2,
  meaning:
    'A profile (or --rows) can not be applied: the message lists everything that is wrong with it, each with its file, line and column. Nothing was read or loaded.',
}) {}

/** Something wrong with a profile, and where it is written. */
export interface Problem {
  /** `staging.yaml:12:7`, or `--rows`. */
  readonly place: string;
  readonly what: string;
}

/** @throws BadProfile with all of them, when there are any */
export function refuseProblems(problems: readonly Problem[], consequence: string): void {
  if (problems.length === 0) return;
  const sorted = [...problems].sort((a, b) => a.place.localeCompare(b.place, 'en', { numeric: true }));
  const lines = new Set(sorted.map(({ place, what }) => `\n- ${place}: ${what}`));
  throw new BadProfile(`the profile can't be applied, ${consequence}:${[...lines].join('')}`);
}
