import { bytes, counted } from '../text/quantities.ts';
import { tableLines } from '../text/table.ts';
import type { VerifyOutcome } from '../verify.ts';

/** One line a file, then one a problem. */
export function verifyLines(outcome: VerifyOutcome): string[] {
  const { files, problems } = outcome;
  const columns = [{ title: '' }, { title: '', right: true }, { title: '' }];
  const verdict = outcome.ok
    ? 'is whole'
    : `is damaged: ${counted(problems.length, 'problem')}; use another backup`;
  return [
    `Backup ${outcome.backupId} ${verdict}`,
    `  ${outcome.uri}`,
    ...tableLines(
      columns,
      files.map(({ file, size, ok }) => [`  ${file}`, bytes(size), ok ? 'ok' : 'DAMAGED']),
    ),
    ...problems.map(({ file, where, what }) => `  ${file}, ${where}: ${what}`),
  ];
}
