import type { Io } from '../io.ts';
import { redact } from '../redact.ts';
import { printable } from '../text/printable.ts';

/**
 * Prints what a verb found out: one JSON document, the lines for a person, or with `--quiet` only what a script
 * would want to take up.
 * @param kernel what `--quiet` leaves; empty: nothing
 */
export function printResult(
  io: Io,
  chosen: { readonly json: boolean; readonly quiet?: boolean },
  document: unknown,
  lines: readonly string[],
  kernel = '',
): void {
  if (chosen.json) io.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
  else if (!chosen.quiet) io.stdout.write(`${lines.map((line) => printable(redact(line))).join('\n')}\n`);
  else if (kernel) io.stdout.write(`${kernel}\n`);
}
