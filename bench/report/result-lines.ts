import { tableLines } from '../../cli/text/table.ts';
import type { BenchResults } from '../results.ts';
import { goalsOf } from './goals.ts';
import { cellsOf, columns, reported } from './rows.ts';

/** The results for a terminal. */
export function resultLines(results: BenchResults): string[] {
  const rows = reported(results).map((found) => ({ found, cells: cellsOf(results, found) }));
  const titles = columns.map((title, index) => ({ title, right: index > 0 && index < columns.length - 1 }));
  const others = rows.filter(({ found }) => found.outcome !== 'measured');
  return [
    ...tableLines(
      titles,
      rows.filter(({ found }) => found.outcome === 'measured').map(({ cells }) => cells),
    ),
    ...others.map(({ cells }) => cells.join('  ')),
    '',
    ...tableLines(
      [{ title: 'goal (at 3 GB)' }, { title: 'at most', right: true }, { title: 'measured', right: true }],
      goalsOf(results).map((goal) => [goal.what, `${goal.atMost}${goal.unit}`, measuredText(goal)]),
    ),
  ];
}

export function measuredText({ measured, unit }: ReturnType<typeof goalsOf>[number]): string {
  if (measured === undefined) return 'not measured';
  return `${unit === ' MiB' ? Math.round(measured) : measured.toFixed(2)}${unit}`;
}
