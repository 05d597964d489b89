import { ConfigurationMissing } from './require.ts';

/** How long sealed backups are locked. */
export interface RetentionRule {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  readonly days: number;
}

/**
 * Reads `GOVERNANCE:30`.
 * @throws ConfigurationMissing
 */
export function parseRetention(text: string, name: string): RetentionRule {
  const [, mode, days] = /^(GOVERNANCE|COMPLIANCE):(\d{1,5})$/.exec(text) ?? [];
  if (!mode || Number(days) < 1)
    throw new ConfigurationMissing(
      `${name} is not of the form GOVERNANCE:30 or COMPLIANCE:30, mode and days`,
    );
  return { mode: mode as RetentionRule['mode'], days: Number(days) };
}
