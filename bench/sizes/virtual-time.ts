import { rates, usableSeconds } from '../../functions/estimate/rates.ts';
import type { RunEstimate } from '../../functions/estimate/run-tally.ts';
import { RunTally } from '../../functions/estimate/run-tally.ts';
import { invocationsFor, listSchedule } from '../../functions/estimate/schedule.ts';
import type { Work } from '../../functions/estimate/work.ts';
import { type Definition, readDefinition, type StateDefinition } from '../../local/definition.ts';
import type { MachineName } from '../../local/machine-names.ts';
import type { Place, RunnerEvent } from '../../local/run-machine.ts';

/** Who works: a state of a machine, or a fan-out's item in it. */
type Where = Pick<Place, 'machine' | 'state' | 'item'>;

/**
 * The clock of a simulated run. Nothing waits: every handler tells what it takes, the states that are entered are
 * counted, and how long all of it is follows from the definition: states one after another, branches beside one
 * another, a fan-out's children by as many workers as the run has jobs.
 */
export class VirtualTime {
  readonly tally = new RunTally();
  /** Bytes of the largest input or output of a handler, and whose it was. */
  largest = { bytes: 0, of: '' };
  readonly #jobs: number;
  readonly #entered = new Map<string, number>();
  readonly #seconds = new Map<string, number>();
  readonly #left = new Map<string, number>();
  readonly #items = new Map<string, number>();
  readonly #definitions = new Map<MachineName, string>();

  constructor(jobs: number) {
    this.#jobs = jobs;
  }

  noteEvent(event: RunnerEvent): void {
    if (event.type !== 'entered') return;
    add(this.#entered, keyOf(event), 1);
    // How long the keepers' machine goes on, no event says: it ends with the run, and is counted then
    if (event.machine !== 'keep-snapshot') this.tally.transitions += 1;
  }

  noteState(of: string, ...values: readonly unknown[]): void {
    for (const value of values) {
      const bytes = Buffer.byteLength(JSON.stringify(value ?? null));
      if (bytes > this.largest.bytes) this.largest = { bytes, of };
    }
  }

  /** Is this the first invocation for this state, or for this item? */
  isNew(where: Where): boolean {
    return !this.#left.has(keyOf(where));
  }

  /**
   * One invocation of a handler.
   * @returns whether there is work left for the next one
   */
  invoke(place: Place, whole: Work): boolean {
    const key = keyOf(place);
    const first = !this.#left.has(key);
    const left = this.#left.get(key) ?? whole.seconds;
    const usable = usableSeconds - rates.invocationSeconds;
    if (left > usable && !this.#isLooped(place))
      throw new Error(
        `${place.state} would take ${Math.round(left)} s, and the machine does not enter it again`,
      );
    const { seconds } = invocationsFor(Math.min(left, usable));
    add(this.#seconds, key, seconds);
    this.tally.count(place.handler, { count: 1, seconds }, first ? whole : { gets: 0, puts: 0 });
    if (place.item !== undefined)
      this.#items.set(place.state, Math.max(this.#items.get(place.state) ?? 0, place.item + 1));
    this.#left.set(key, left - Math.min(left, usable));
    return left > usable;
  }

  /** From a state of a machine, its end included, to the beginning of another. */
  between(machine: MachineName, first: string, last: string): number {
    const names = [...this.#entered.keys()].map((key) => key.split(' ')).filter(([of]) => of === machine);
    const inOrder = names.map(([, state]) => state ?? '');
    const { States } = readDefinition(machine);
    return inOrder
      .slice(inOrder.indexOf(first) + 1, inOrder.indexOf(last))
      .reduce(
        (sum, state) => sum + (States[state] ? this.#stateSeconds(machine, state, States[state]) : 0),
        0,
      );
  }

  end(machine: MachineName): RunEstimate {
    this.tally.seconds = this.#machineSeconds(machine, readDefinition(machine));
    return this.tally.estimate();
  }

  #machineSeconds(machine: MachineName, { States }: Definition, item?: number): number {
    return Object.entries(States).reduce(
      (sum, [name, state]) => sum + this.#stateSeconds(machine, name, state, item),
      0,
    );
  }

  #stateSeconds(machine: MachineName, state: string, definition: StateDefinition, item?: number): number {
    const key = keyOf({ machine, state, ...(item !== undefined && { item }) });
    const entered = this.#entered.get(key) ?? 0;
    if (entered === 0) return 0;
    const own = entered * rates.transitionSeconds + (this.#seconds.get(key) ?? 0);
    if (definition.Type === 'Parallel') {
      const branches = (definition.Branches ?? []).map((branch) => this.#machineSeconds(machine, branch));
      return own + Math.max(0, ...branches);
    }
    if (definition.Type === 'Map' && definition.ItemProcessor) {
      const processor = definition.ItemProcessor;
      const count = this.#items.get(processor.StartAt) ?? 0;
      const children = Array.from(
        { length: count },
        (_, index) => rates.childSeconds + this.#machineSeconds(machine, processor, index),
      );
      return own + listSchedule(children, this.#jobs);
    }
    const waitsForCleanUp = definition.Resource?.includes('startExecution.sync') ?? false;
    return own + (waitsForCleanUp ? this.#machineSeconds('clean-up', readDefinition('clean-up')) : 0);
  }

  #isLooped({ machine, state }: Place): boolean {
    const text = this.#definitions.get(machine) ?? JSON.stringify(readDefinition(machine));
    this.#definitions.set(machine, text);
    return text.includes(`"WhetherMoreOf${state}"`);
  }
}

function keyOf({ machine, state, item }: Where): string {
  return item === undefined ? `${machine} ${state}` : `${machine} ${state} ${item}`;
}

function add(map: Map<string, number>, key: string, more: number): void {
  map.set(key, (map.get(key) ?? 0) + more);
}
