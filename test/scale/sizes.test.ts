import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { nautobotOf } from '../../bench/sizes/nautobot-of.ts';
import { sizesPage } from '../../bench/sizes/page.ts';
import { simulate } from '../../bench/sizes/simulate.ts';
import { VirtualTime } from '../../bench/sizes/virtual-time.ts';
import { estimateBackup } from '../../functions/estimate/estimate-backup.ts';
import { estimateRestore } from '../../functions/estimate/estimate-restore.ts';
import { work } from '../../functions/estimate/work.ts';

const shardBytes = 256 * 1024 ** 2;

describe('a simulated run of the state machines', () => {
  test('takes what the estimate says, to a few per cent', async () => {
    const shape = nautobotOf({ bytes: 1e12 });
    const simulated = await simulate(shape, { jobs: 32, shardBytes });
    const options = { jobs: 32, shardBytes, serverVersion: 160_004 };
    const estimated = {
      backup: estimateBackup(shape, options),
      restore: estimateRestore(shape, options),
    };
    for (const run of ['backup', 'restore'] as const) {
      const [one, other] = [simulated[run], estimated[run]];
      expect(one.shards).toBe(other.shards);
      expect(one.invocations).toBe(other.invocations);
      const figures: [string, number, number][] = [
        ['seconds', one.seconds, other.seconds],
        ['GB-seconds', one.gbSeconds, other.gbSeconds],
        ['transitions', one.transitions, other.transitions],
        ['reading requests', one.requests.gets, other.requests.gets],
        ['writing requests', one.requests.puts, other.requests.puts],
      ];
      for (const [what, real, expected] of figures)
        expect(Math.abs(expected / real - 1), `${run}: ${what}, ${real} and ${expected}`).toBeLessThan(0.03);
    }
    expect(simulated.backup.storedBytes / estimated.backup.storedBytes).toBeCloseTo(1, 3);
  });

  test('ends with an error where a state would outlast a function and is not entered again', () => {
    const time = new VirtualTime(2);
    const backup = (state: string) => ({ machine: 'backup', state, handler: state }) as const;
    expect(() => time.invoke(backup('OpenSnapshot'), work(2_000))).toThrow(
      /^OpenSnapshot would take 2000 s, and the machine does not enter it again/,
    );
    // A scan of two million files goes on, twice
    const more = Array.from({ length: 3 }, () => time.invoke(backup('PlanMedia'), work(2_000)));
    expect(more).toEqual([true, true, false]);
  });

  test('is what docs/sizes.md shows, from 10 GB to 10 TB and 100,000 tables', async () => {
    const page = await readFile(new URL('../../docs/sizes.md', import.meta.url), 'utf8');
    expect(page, 'run: npm run sizes').toBe(await sizesPage());
  }, 180_000);
});
