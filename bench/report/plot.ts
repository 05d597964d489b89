import type { BenchResults, ContenderResult } from '../results.ts';
import { spreadOf } from '../statistics.ts';

const width = 860;
const left = 330;
const right = 110;
const barHeight = 20;
const lineHeight = 32;
const top = 44;

/** Bars of the median times, with a line from the least to the most, as SVG for light and dark pages. */
export function plot(results: BenchResults): string {
  const measured = results.contenders.filter(({ outcome }) => outcome === 'measured');
  const groups = [
    ['out of the database', measured.filter(({ kind }) => kind === 'backup' || kind === 'limit')],
    ['into a database', measured.filter(({ kind }) => kind === 'restore' || kind === 'clone')],
  ] as const;
  const most = Math.max(1, ...measured.flatMap(({ runs }) => runs.map(({ seconds }) => seconds)));
  const x = (seconds: number) => left + (seconds / most) * (width - left - right);
  const parts: string[] = [];
  let y = top;
  for (const [title, members] of groups) {
    if (members.length === 0) continue;
    parts.push(text(left, y + 4, title, 'start', 'group'));
    y += 16;
    for (const member of members) {
      parts.push(...bar(member, y, x));
      y += lineHeight;
    }
    y += 18;
  }
  const gigabytes = (results.database.copyTextBytes / 1e9).toFixed(1);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">`,
    `<title>Seconds for ${gigabytes} GB of COPY text</title>`,
    '<style>text{font:13px system-ui,sans-serif;fill:#24292f}.group{font-weight:600}.own{fill:#0a7d5a}.other{fill:#8c959f}',
    '.limit{fill:#d0d7de}line{stroke:#24292f;stroke-width:1.5}',
    '@media(prefers-color-scheme:dark){text{fill:#e6edf3}line{stroke:#e6edf3}.limit{fill:#484f58}.own{fill:#2ea67f}}</style>',
    text(left, 18, `seconds, median of ${results.rounds}, ${gigabytes} GB of COPY text`, 'start', 'group'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function bar(found: ContenderResult, y: number, x: (seconds: number) => number): string[] {
  const { median, least, most } = spreadOf(found.runs.map(({ seconds }) => seconds));
  const kind = found.name.startsWith('replicator-') ? 'own' : found.kind === 'limit' ? 'limit' : 'other';
  const middle = y + barHeight / 2;
  const tick = (at: number) => line(at, middle - 4, at, middle + 4);
  return [
    text(left - 10, middle + 4, found.title, 'end'),
    `<rect class="${kind}" x="${left}" y="${y}" width="${(x(median) - left).toFixed(1)}" height="${barHeight}" rx="2"/>`,
    line(x(least), middle, x(most), middle),
    tick(x(least)),
    tick(x(most)),
    text(x(most) + 8, middle + 4, `${median.toFixed(1)} s`, 'start'),
  ];
}

function line(x1: number, y1: number, x2: number, y2: number): string {
  const at = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${at[0]}" y1="${at[1]}" x2="${at[2]}" y2="${at[3]}"/>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end', kind = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  const named = kind === '' ? '' : ` class="${kind}"`;
  return `<text${named} x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}">${escaped}</text>`;
}
