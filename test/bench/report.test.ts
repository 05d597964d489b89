import { describe, expect, test } from 'vitest';
import { goalsOf } from '../../bench/report/goals.ts';
import { section } from '../../bench/report/markdown.ts';
import { plot } from '../../bench/report/plot.ts';
import { withSections } from '../../bench/report/publish.ts';
import { resultLines } from '../../bench/report/result-lines.ts';
import type { BenchResults, ContenderResult } from '../../bench/results.ts';
import { spreadOf } from '../../bench/statistics.ts';

const MB = 1e6;

function contender(
  name: string,
  seconds: readonly number[],
  more: Partial<ContenderResult> = {},
): ContenderResult {
  return {
    name,
    title: `title of ${name}`,
    kind: 'backup',
    script: `run ${name}`,
    outcome: 'measured',
    runs: seconds.map((time) => ({
      seconds: time,
      cpuSeconds: time / 2,
      peakBytes: 100 * 2 ** 20,
      loadBefore: 1.5,
    })),
    ...more,
  };
}

const results: BenchResults = {
  version: 1,
  at: '2026-11-23T05:43:00.000Z',
  commit: 'abc1234',
  machine: {
    processor: 'a processor',
    cores: 2,
    memoryBytes: 8e9,
    system: 'a system',
    versions: { Node: 'v24' },
    postgresSettings: { fsync: 'off' },
  },
  gigabytes: 2,
  jobs: 2,
  rounds: 3,
  database: { copyTextBytes: 2e9, databaseBytes: 1e9, tables: 229, rows: 1000, halves: [1e9, 1e9] },
  contenders: [
    contender('replicator-backup', [9, 8, 30], { objectBytes: 40 * MB }),
    contender('pg_dump-fc', [27, 30, 33], { objectBytes: 100 * MB }),
    contender('replicator-restore', [6, 6, 6], { kind: 'restore' }),
    contender('pg_restore', [20], { kind: 'restore', outcome: 'failed', reason: 'out of\nluck' }),
    contender('pgcopydb', [], { kind: 'clone', outcome: 'missing', reason: 'not on the PATH: pgcopydb' }),
    contender('psql', [], { kind: 'restore', outcome: 'left out' }),
  ],
};

describe('the spread of runs', () => {
  test('is the middle one, or the mean of the two in the middle, between the extremes', () => {
    expect(spreadOf([30, 8, 9])).toEqual({ median: 9, least: 8, most: 30 });
    expect(spreadOf([4, 1, 2, 9])).toEqual({ median: 3, least: 1, most: 9 });
  });

  test('of nothing is an error and no number', () => {
    expect(() => spreadOf([])).toThrow(TypeError);
  });
});

describe('the page', () => {
  test('says what ran once alone, and where the processor time of the median run went', () => {
    const [backup, ...others] = results.contenders;
    const runs = backup?.runs.map((run) => ({ ...run, servers: { postgres: 5.5, store: 0.5 } })) ?? [];
    const once = contender('psql', [50], { kind: 'restore' });
    const page = section(
      {
        ...results,
        contenders: [contender('replicator-backup', [], { runs }), ...others.slice(0, -1), once],
      },
      'plot.svg',
    );
    expect(page).toContain('3 runs of each command in turn (one run of: title of psql), 2 connections each');
    // 9 s on two cores: 4.5 of the client, 6 of the servers, 7.5 of nobody
    expect(page).toContain('| title of replicator-backup | 9.0 s | 4.5 s | 5.5 s | 0.5 s | 7.5 s |');
    expect(section(results, 'plot.svg')).not.toContain('idle');
  });
});

describe('the goals', () => {
  const measured = (what: RegExp) => goalsOf(results).find((goal) => what.test(goal.what))?.measured;

  test('compare medians, so that one slow run changes nothing', () => {
    expect(measured(/pg_dump -Fc \| aws/)).toBeCloseTo(9 / 30);
  });

  test('compare the size of what was written', () => {
    expect(measured(/size of the objects/)).toBeCloseTo(0.4);
  });

  test('count CPU for each GB of COPY text', () => {
    expect(measured(/backup: client CPU/)).toBeCloseTo(4.5 / 2);
  });

  test('that need something missing or failed are not measured, and never reached', () => {
    expect(measured(/pgcopydb/)).toBeUndefined();
    expect(measured(/pg_restore/)).toBeUndefined();
  });
});

describe('the report', () => {
  const page = section(results, 'plot.svg');

  test('says of what is missing or failed that it is and why, in terminal and document', () => {
    for (const text of [page, resultLines(results).join('\n')]) {
      expect(text).toContain('missing: not on the PATH: pgcopydb');
      expect(text).toContain('failed: out of luck');
    }
  });

  test('shows the noise beside the median', () => {
    expect(page).toContain('| title of replicator-backup | 9.0 s | 8.0–30.0 |');
  });

  test('leaves out what the person left out', () => {
    expect(page).not.toContain('title of psql');
  });

  test('shows the commands as they were run', () => {
    expect(page).toContain('run pg_dump-fc');
  });

  test('replaces what stands between its marks and nothing else', () => {
    const marks = ['<!-- measured: written by npm run bench -- --publish -->', '<!-- /measured -->'] as const;
    const before = `# Title\n\n${marks[0]}\nold\n${marks[1]}\n\nthe end\n`;
    const after = withSections(before, ['new']);
    expect(after).toBe(`# Title\n\n${marks[0]}\n\nnew\n\n${marks[1]}\n\nthe end\n`);
    expect(withSections(after, ['new'])).toBe(after);
    expect(() => withSections('# Title', ['new'])).toThrow('lost its marks');
  });
});

describe('the plot', () => {
  test('draws one bar for each command that was measured, as long as its time', () => {
    const bars = [...plot(results).matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) =>
      Number(width),
    );
    expect(bars).toHaveLength(3);
    expect((bars[1] ?? 0) / (bars[0] ?? 1)).toBeCloseTo(30 / 9, 1);
  });

  test('escapes titles', () => {
    const odd = { ...results, contenders: [contender('odd', [1], { title: 'a > b & <c>' })] };
    expect(plot(odd)).toContain('a &gt; b &amp; &lt;c&gt;');
  });
});
