import { flagOf, type OptionKinds } from './option.ts';
import { tableLines } from './text/table.ts';
import type { Verb } from './verb.ts';

const exitCodes =
  'Exit codes: 0 done · 1 failed · 2 usage or configuration · 3 refused by a safety rule ·\n4 a backup is damaged or a verification failed · 130 interrupted';

/** `replicator help` */
export function overview(verbs: readonly Verb[]): string {
  const columns = [{ title: '' }, { title: '' }];
  const lines = tableLines(
    columns,
    verbs.map((verb) => [`  ${verb.name}`, verb.summary]),
  );
  return [
    'Backs up Nautobot (PostgreSQL, media, cache) to S3 and rebuilds staging from it.',
    '',
    'Usage: replicator <verb> [options]      replicator <verb> --help      replicator --version',
    '',
    ...lines,
    '',
    'Results go to standard output (--json: one JSON document), progress and messages to standard error.',
    'Passwords may come from the URL, PGPASSWORD or .pgpass; URLs from REPLICATOR_SOURCE and REPLICATOR_TARGET.',
    exitCodes,
    '',
  ].join('\n');
}

/** `replicator <verb> --help` */
export function helpOf(verb: Verb): string {
  return [
    `Usage: replicator ${verb.name} ${verb.usage}`,
    '',
    `${verb.summary}.`,
    ...verb.details.flatMap((paragraph) => ['', ...wrap(paragraph, lineWidth)]),
    '',
    'Options:',
    ...optionLines(verb.options),
    '',
    exitCodes,
    '',
  ].join('\n');
}

const lineWidth = 100;

function optionLines(kinds: OptionKinds): string[] {
  const entries = [
    ...Object.entries(kinds).map(([name, kind]) => ({
      left: `  ${flagOf(name)}${kind.value ? ` ${kind.value}` : ''}`,
      help: [
        kind.help,
        kind.multiple ? 'May be repeated.' : '',
        kind.environment ? `Or ${kind.environment}.` : '',
      ]
        .filter(Boolean)
        .join(' '),
    })),
    { left: '  --help', help: 'This text.' },
  ];
  const room = lineWidth - Math.max(...entries.map(({ left }) => left.length)) - 2;
  const rows = entries.flatMap(({ left, help }) =>
    wrap(help, room).map((line, index) => [index === 0 ? left : '', line]),
  );
  return tableLines([{ title: '' }, { title: '' }], rows);
}

/** Lines of at most `width` characters, broken between words. */
function wrap(text: string, width: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines;
}
