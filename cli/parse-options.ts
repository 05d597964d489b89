import { parseArgs } from 'node:util';
import { nearest } from '../functions/errors/nearest.ts';
import { UsageError } from '../functions/errors/usage.ts';
import { flagOf, type OptionKinds } from './option.ts';
import { redact } from './redact.ts';

/** Options as they were written: by code name, and what stands free. */
export interface WrittenOptions {
  readonly values: Readonly<Record<string, string | string[] | true>>;
  readonly positionals: readonly string[];
}

/**
 * Reads the arguments after the verb. Stricter than parseArgs' own strict mode, whose messages repeat values,
 * passwords included: an unknown option names the nearest known one, an option given twice is refused.
 * @param later options of the documented contract that this version doesn't have, by flag
 * @throws UsageError
 */
export function parseOptions(
  verb: string,
  argv: readonly string[],
  kinds: OptionKinds,
  later: readonly string[] = [],
): WrittenOptions {
  const byFlag = new Map(Object.keys(kinds).map((name) => [flagOf(name), name]));
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(
      [...byFlag].map(([flag, name]) => [
        flag.slice(2),
        { type: kinds[name]?.value === undefined ? ('boolean' as const) : ('string' as const) },
      ]),
    ),
  });
  const values: Record<string, string | string[] | true> = {};
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const name = byFlag.get(token.rawName);
    const kind = name === undefined ? undefined : kinds[name];
    if (name === undefined || !kind)
      throw unknownOption(verb, token.rawName.split('=')[0] ?? '', [...byFlag.keys()], later);
    if (kind.value === undefined) {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value`);
      values[name] = true;
      continue;
    }
    const text = textOf(token.rawName, kind.value, token.value, token.inlineValue);
    const before = values[name];
    if (kind.multiple) values[name] = [...(Array.isArray(before) ? before : []), text];
    else if (before !== undefined)
      throw new UsageError(`${token.rawName} was given twice; it takes one value`);
    else values[name] = text;
  }
  return { values, positionals };
}

/** @throws UsageError unless there are at most `most` free arguments */
export function refuseExtra(positionals: readonly string[], most: number): void {
  const extra = positionals[most];
  if (extra !== undefined)
    throw new UsageError(
      `unexpected argument "${redact(extra)}"; options begin with --, and values with spaces need quotes`,
    );
}

function textOf(flag: string, placeholder: string, value: string | undefined, inline: boolean | undefined) {
  if (value === undefined || value === '')
    throw new UsageError(`${flag} needs a value: ${flag} ${placeholder}`);
  if (!inline && value.startsWith('-'))
    throw new UsageError(
      `${flag} needs a value, but an option follows; write ${flag}=… for a value that begins with a dash`,
    );
  return value;
}

function unknownOption(verb: string, flag: string, known: readonly string[], later: readonly string[]) {
  if (later.includes(flag)) return new UsageError(`this version does not have ${flag} yet`);
  const meant = nearest(flag, known);
  return new UsageError(
    `${verb} has no option ${flag}; ${meant ? `did you mean ${meant}?` : `see replicator ${verb} --help`}`,
  );
}
