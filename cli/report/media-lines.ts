import type { MediaComparison } from '../../functions/run/media-comparison.ts';
import { count, counted } from '../text/quantities.ts';

/** Names shown of a list; JSON has more. */
const mostShown = 10;

/** Files that rows refer to, held against files that are there. */
export function comparisonLines(comparison: MediaComparison, title = 'media and rows'): string[] {
  const { referenced, missing, leftOut, orphaned, missingFiles, orphanedFiles } = comparison;
  const left = leftOut > 0 ? `, ${count(leftOut)} left out by pattern` : '';
  return [
    `  ${title}: ${counted(referenced, 'file')} referred to, ${count(missing)} of them missing${left}, ${count(orphaned)} referred to by nothing`,
    ...named(
      missingFiles.map(({ path, column }) => `missing: ${path} (${column})`),
      missing,
    ),
    ...named(
      orphanedFiles.map((path) => `referred to by nothing: ${path}`),
      orphaned,
    ),
  ];
}

function named(lines: readonly string[], all: number): string[] {
  const shown = lines.slice(0, mostShown).map((line) => `    ${line}`);
  return all > shown.length ? [...shown, `    and ${count(all - shown.length)} more`] : shown;
}
