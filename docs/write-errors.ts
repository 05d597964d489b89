import { glob, readFile, writeFile } from 'node:fs/promises';
import { catalogue, type ErrorKind, type ExitCode } from '../functions/errors/replicator-error.ts';

const root = new URL('../', import.meta.url);

const chapters: readonly [ExitCode, string][] = [
  [2, 'something that was given, or that the run needs, is wrong: nothing was begun, or it was undone'],
  [3, 'refused by a safety rule'],
  [4, 'a backup is damaged, or a verification failed'],
  [1, 'the run failed; what it had built was removed'],
  [130, 'interrupted'],
];

/** Every kind of error, found by loading each module that defines one. */
export async function allErrors(): Promise<readonly ErrorKind[]> {
  for await (const path of glob('{functions,local,cli}/**/*.ts', { cwd: root })) {
    const url = new URL(path, root);
    if ((await readFile(url, 'utf8')).includes('errorOf(')) await import(url.href);
  }
  return catalogue();
}

/** The text of docs/errors.md. */
export async function errorsPage(): Promise<string> {
  const kinds = await allErrors();
  const sections = chapters.flatMap(([exitCode, title]) => [
    `## Exit code ${exitCode}: ${title}`,
    '',
    '| code | when, and what to do |',
    '| --- | --- |',
    ...kinds
      .filter((kind) => kind.exitCode === exitCode)
      .map((kind) => `| \`${kind.code}\` | ${cell(kind)} |`),
    '',
  ]);
  return [
    '# Errors',
    '',
    'Every error has a code that stays the same from version to version. On a terminal it stands behind the message, with',
    '`--json` it is `error.code`, on Lambda it is `errorType`, and an execution that fails carries it as its error.',
    'Exit code 0: done.',
    '',
    'This page is written by `npm run docs` from the code; a test holds both together.',
    '',
    ...sections,
  ].join('\n');
}

function cell({ meaning, startOver }: ErrorKind): string {
  const again = startOver ? ' *A backup starts over once by itself.*' : '';
  return `${meaning.replaceAll('|', '\\|')}${again}`;
}

if (import.meta.main) await writeFile(new URL('docs/errors.md', root), await errorsPage());
