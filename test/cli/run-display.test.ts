import { PassThrough } from 'node:stream';
import { expect, test, vi } from 'vitest';
import { RunDisplay } from '../../cli/progress/run-display.ts';

function display(options: { tty: boolean; quiet?: boolean }) {
  const stderr = Object.assign(new PassThrough(), { isTTY: options.tty, columns: 60 });
  let now = 0;
  const shown = new RunDisplay({ stderr }, options.quiet ?? false, () => now);
  const read = () => String(stderr.read() ?? '');
  return { shown, read, pass: (ms: number) => (now += ms) };
}

test('tells states, bytes, rows, share, rate and the time left', () => {
  const { shown, pass } = display({ tty: false });
  shown.stateEntered('backup', 'CopyShard');
  shown.stateEntered('backup', 'CopyShard');
  shown.stateEntered('backup', 'ArchiveMedia');
  shown.expect({ bytes: 100_000_000, rows: 5000 });
  shown.advance({});
  for (let second = 0; second < 4; second++) {
    pass(1000);
    shown.advance({ bytes: 10_000_000, rows: 500 });
  }
  expect(shown.text()).toBe(
    'backup · CopyShard ×2, ArchiveMedia · 40.0 MB of about 100 MB (40%) · 2,000 rows · 10.0 MB/s · 6.0 s left',
  );
  shown.end();
});

test('gives no share and no time left when there is more than was expected', () => {
  const { shown, pass } = display({ tty: false });
  shown.stateEntered('backup', 'CopyShard');
  shown.expect({ bytes: 1000 });
  shown.advance({});
  pass(2000);
  shown.advance({ bytes: 4000 });
  expect(shown.text()).toBe('backup · CopyShard · 4.0 kB · 2.0 kB/s');
  shown.end();
});

test('knows the total of a restore, and says nothing of time once all is read', () => {
  const { shown, pass } = display({ tty: false });
  shown.stateEntered('restore', 'LoadShard');
  shown.expect({ bytes: 2000 });
  shown.advance({});
  pass(2000);
  shown.advance({ bytes: 1000 });
  expect(shown.text()).toBe('restore · LoadShard · 1.0 kB of 2.0 kB (50%) · 500 B/s · 2.0 s left');
  shown.advance({ bytes: 1000 });
  expect(shown.text()).toBe('restore · LoadShard · 2.0 kB of 2.0 kB (100%) · 1.0 kB/s');
  shown.end();
});

test('begins from nothing with the next machine and keeps the times of both', () => {
  const { shown, pass } = display({ tty: false });
  shown.stateEntered('backup', 'Lock');
  shown.advance({ bytes: 5 });
  pass(30);
  shown.stateLeft('backup', 'Lock');
  shown.stateEntered('restore', 'Lock');
  pass(50);
  shown.stateLeft('restore', 'Lock');
  expect(shown.text()).toBe('restore');
  expect(shown.times('backup')).toEqual([{ machine: 'backup', state: 'Lock', runs: 1, milliseconds: 30 }]);
  expect(shown.span('restore')).toBe(50);
  shown.end();
});

test('is one line on a terminal, cut to its width, which warnings appear above', () => {
  vi.useFakeTimers();
  try {
    const { shown, read } = display({ tty: true });
    shown.stateEntered('backup', 'S'.repeat(200));
    vi.advanceTimersByTime(1000);
    const drawn = read();
    expect(drawn).not.toContain('\n');
    for (const line of drawn.split('\r\u001b[K')) expect(line.length).toBeLessThan(60);
    shown.warn('mind postgres://u:hush@db/x');
    expect(read()).toBe('\r\u001b[Kreplicator: warning: mind postgres://u:***@db/x\n');
    shown.end();
    vi.advanceTimersByTime(1000);
    expect(read()).toBe('');
  } finally {
    vi.useRealTimers();
  }
});

test.each([
  { tty: false, quiet: false },
  { tty: true, quiet: true },
])('prints warnings only when %o', (options) => {
  vi.useFakeTimers();
  try {
    const { shown, read } = display(options);
    shown.stateEntered('backup', 'Lock');
    shown.warn('mind this');
    vi.advanceTimersByTime(1000);
    expect(read()).toBe('replicator: warning: mind this\n');
    expect(shown.warnings).toEqual(['mind this']);
    shown.end();
  } finally {
    vi.useRealTimers();
  }
});

test('shows control characters of names instead of obeying them', () => {
  const { shown, read } = display({ tty: true });
  shown.warn('table "\u001b[2J\u0007"');
  expect(read()).toBe('replicator: warning: table "\\x1b[2J\\x07"\n');
  shown.end();
});
