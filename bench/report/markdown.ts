import { bytes, count, moment } from '../../cli/text/quantities.ts';
import type { BenchResults } from '../results.ts';
import { goalsOf, medianSeconds } from './goals.ts';
import { measuredText } from './result-lines.ts';
import { cellsOf, columns, reported } from './rows.ts';

/** What docs/benchmarks.md says about one benchmark. */
export function section(results: BenchResults, plotFile: string): string {
  const { database, machine, rounds, jobs } = results;
  const loads = results.contenders.flatMap(({ runs }) => runs.map(({ loadBefore }) => loadBefore));
  return [
    `## ${results.gigabytes} GB`,
    '',
    `Measured ${moment(results.at)} at commit ${results.commit}${results.commit.endsWith('+') ? ' (with changes that were not committed)' : ''}: ${rounds} runs of each command in turn${onceOnly(results)}, ${jobs} connections each.`,
    '',
    ...(results.note === undefined ? [] : [results.note, '']),
    `- Database: ${count(database.tables)} tables, ${count(database.rows)} rows, ${bytes(database.copyTextBytes)} of COPY text, ${bytes(database.databaseBytes)} on disk.`,
    `- Machine: ${machine.cores} cores (${machine.processor}), ${bytes(machine.memoryBytes)} of memory, ${machine.system}; shared by servers, clients and S3 server. Load over the last minute when a run began: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`,
    `- ${Object.entries(machine.versions)
      .map(([name, version]) => `${name}: ${version}`)
      .join('; ')}.`,
    `- PostgreSQL settings beyond defaults: ${Object.entries(machine.postgresSettings)
      .map(([name, value]) => `\`${name} = ${value}\``)
      .join(', ')}.`,
    '',
    markdownTable(
      columns,
      reported(results).map((found) => cellsOf(results, found)),
    ),
    '',
    `![Times of all commands as bars](${plotFile})`,
    '',
    'Time is the median, CPU too; resident is the most of all runs.',
    '',
    markdownTable(
      ['goal (set for 3 GB on two shared cores)', 'at most', 'measured', ''],
      goalsOf(results).map((goal) => [
        goal.what,
        `${goal.atMost}${goal.unit}`,
        measuredText(goal),
        goal.measured === undefined ? '' : goal.measured <= goal.atMost ? 'reached' : '**not reached**',
      ]),
    ),
    '',
    ...limitsOfBackups(results),
    ...processorTime(results),
    '<details><summary>The commands</summary>',
    '',
    ...reported(results).flatMap(({ title, script }) => [`${title}:`, '', '```sh', script, '```', '']),
    '</details>',
  ].join('\n');
}

function onceOnly({ contenders, rounds }: BenchResults): string {
  const once = contenders.filter(({ outcome, runs }) => outcome === 'measured' && runs.length < rounds);
  return once.length === 0 ? '' : ` (one run of: ${once.map(({ title }) => title).join('; ')})`;
}

/** How near to the goals any backup over so many connections could come. */
function limitsOfBackups(results: BenchResults): string[] {
  const limit = medianSeconds(results, 'copy-limit');
  const shares = ['pg_dump-fc', 'pg_dump-fc-z1'].flatMap((name) => {
    const [seconds, title] = [medianSeconds(results, name), titleOf(results, name)];
    return limit === undefined || seconds === undefined
      ? []
      : [`${(limit / seconds).toFixed(2)} of ${title}`];
  });
  if (shares.length === 0) return [];
  return [`Reading alone (the limit) takes ${shares.join(' and ')}: no backup takes less.`, ''];
}

function titleOf(results: BenchResults, name: string): string {
  return results.contenders.find((found) => found.name === name)?.title ?? name;
}

/** Of the median run: who had the processors, and what nobody had. */
function processorTime(results: BenchResults): string[] {
  const { cores } = results.machine;
  const rows = reported(results).flatMap(({ title, runs }) => {
    const run = [...runs].sort((a, b) => a.seconds - b.seconds)[Math.floor((runs.length - 1) / 2)];
    if (!run?.servers) return [];
    const { postgres, store } = run.servers;
    const idle = Math.max(0, cores * run.seconds - run.cpuSeconds - postgres - store);
    const shown = [run.seconds, run.cpuSeconds, postgres, store, idle].map((each) => `${each.toFixed(1)} s`);
    return [[title, ...shown]];
  });
  if (rows.length === 0) return [];
  return [
    `Where the processor time of the median run went; ${cores} cores have ${cores} s of it a second:`,
    '',
    markdownTable(['command', 'time', 'client', 'PostgreSQL', 'S3 server', 'idle, or others'], rows),
    '',
  ];
}

function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]) =>
    `| ${titles.map((_, index) => (cells[index] ?? '').replaceAll('|', '\\|')).join(' | ')} |`;
  return [row(titles), `|${titles.map(() => ' --- |').join('')}`, ...rows.map(row)].join('\n');
}
