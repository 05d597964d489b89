import { setTimeout as wait } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { CommandFailed, measure, sumOfTimes } from '../../bench/measure/measure.ts';
import { cpuSecondsOf, parseProcStat, residentBytes } from '../../bench/measure/process-tree.ts';

const environment = { PATH: process.env.PATH ?? '' };
const node = JSON.stringify(process.execPath);
const never = new AbortController().signal;

describe('measuring a command', () => {
  test('counts the CPU of every process of a pipeline', async () => {
    const burn = `${node} -e 'const t = process.cpuUsage(); while (process.cpuUsage(t).user < 400_000);'`;
    const { cpuSeconds, seconds } = await measure(`${burn} | ${burn}`, environment, never);
    expect(cpuSeconds).toBeGreaterThan(0.8);
    expect(seconds).toBeGreaterThan(0.4);
  });

  test('sees the memory of a child that the shell has started', async () => {
    const hold = `${node} -e 'const b = Buffer.alloc(300e6, 1); setTimeout(() => b, 800)'`;
    const { peakBytes } = await measure(`true; ${hold}; true`, environment, never);
    expect(peakBytes).toBeGreaterThan(300e6);
  });

  test('fails when any command of the script or pipeline does, and repeats its last words', async () => {
    await expect(measure('echo gone wrong >&2; false | cat', environment, never)).rejects.toThrow(
      new CommandFailed('ended with status 1: gone wrong'),
    );
  });

  test('ends all of its processes when it is interrupted', async () => {
    const stop = new AbortController();
    const mark = `36${process.pid}`;
    const running = measure(`sleep ${mark} & sleep ${mark}; wait`, environment, stop.signal);
    const rejected = expect(running).rejects.toThrow(/abort/i);
    await wait(300);
    stop.abort();
    await rejected;
    await wait(100);
    await expect(measure(`pgrep -x -f 'sleep ${mark}'`, environment, never)).rejects.toThrow(CommandFailed);
  });

  test('gives the command no environment but the one it was told', async () => {
    await measure(`test -z "\${HOME:-}"`, environment, never);
  });
});

describe('reading what the system says', () => {
  test("adds up the four times of the shell's `times`", () => {
    expect(sumOfTimes('0m0.002s 0m0.001s\n1m2.500s 0m3.010s\n')).toBeCloseTo(65.513);
    expect(() => sumOfTimes('')).toThrow(TypeError);
  });

  test('finds the fields behind a command name that looks like fields', () => {
    const stat = `7 (a) b (1 2) S 5 ${Array.from({ length: 19 }, () => 0).join(' ')} 10 0`;
    const { id, parent, resident, ticks } = parseProcStat(stat);
    expect([id, parent, ticks]).toEqual([7, 5, 0]);
    expect(resident % 4096).toBe(0);
    expect(resident).toBeGreaterThanOrEqual(40_960);
  });

  test.runIf(process.platform === 'linux')(
    'counts the processor time of a tree, of what has ended in it too',
    async () => {
      const before = (await cpuSecondsOf(process.pid)) ?? 0;
      const burn = `${node} -e 'const t = process.cpuUsage(); while (process.cpuUsage(t).user < 300_000);'`;
      await measure(burn, environment, never);
      expect(((await cpuSecondsOf(process.pid)) ?? 0) - before).toBeGreaterThanOrEqual(0.3);
    },
  );

  test('sees this process as about as large as it sees itself', async () => {
    const bytes = await residentBytes(process.pid);
    expect(bytes).toBeGreaterThan(process.memoryUsage.rss() / 2);
  });
});
