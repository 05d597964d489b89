import { handOverSeconds, keeperSeconds, rates } from './rates.ts';
import type { RunTally } from './run-tally.ts';

/** States of the machine KeepSnapshot that each keeper's turn enters, and those at its end. */
const statesOfTurn = 4;
const statesAtEnd = 4;

/**
 * Keepers hold the snapshot one after another, each for as long as it may live: the next is there well before.
 * @param open seconds from the start of KeepSnapshot to the release of the snapshot
 */
export function countKeepers(tally: RunTally, open: number): void {
  const keepers = Math.max(1, Math.ceil(open / handOverSeconds));
  for (let keeper = 0; keeper < keepers; keeper += 1) {
    const left = open - keeper * handOverSeconds;
    const seconds = Math.min(keeperSeconds, left);
    // Every two seconds it asks the store whether it is needed
    tally.count('KeepSnapshot', { count: 1, seconds }, { gets: Math.ceil(seconds / 2), puts: 0 });
  }
  tally.transitions += keepers * statesOfTurn + statesAtEnd;
  tally.count('CleanUp', { count: 1, seconds: 1 + rates.invocationSeconds }, { gets: 3, puts: 3 });
}
