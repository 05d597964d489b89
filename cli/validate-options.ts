import { UsageError } from '../functions/errors/usage.ts';
import { flagOf, type OptionKinds, type Options } from './option.ts';

/**
 * Checks what was written, fills in from the environment and converts. Every complaint names its option.
 * @throws UsageError
 */
export function validateOptions<Kinds extends OptionKinds>(
  kinds: Kinds,
  written: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
): Options<Kinds> {
  const complaints: string[] = [];
  const options: Record<string, unknown> = {};
  for (const [name, kind] of Object.entries(kinds)) {
    const fromEnvironment = kind.environment ? environment[kind.environment] || undefined : undefined;
    const given = written[name] ?? fromEnvironment;
    const label =
      written[name] === undefined && fromEnvironment !== undefined ? String(kind.environment) : flagOf(name);
    const parsed = kind.schema.safeParse(given);
    if (parsed.success) options[name] = parsed.data;
    else if (given === undefined) complaints.push(missing(name, kind.value, kind.environment));
    else complaints.push(...parsed.error.issues.map((issue) => `${label}: ${issue.message}`));
  }
  if (complaints.length > 0) throw new UsageError(complaints.join('; '));
  return options as Options<Kinds>;
}

function missing(name: string, placeholder = '', variable: string | undefined): string {
  const instead = variable ? `, or set ${variable}` : '';
  return `${flagOf(name)} is missing: give ${flagOf(name)} ${placeholder}${instead}`;
}
