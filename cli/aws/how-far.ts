import { count } from '../text/quantities.ts';
import type { Executions } from './executions.ts';
import { History } from './history.ts';

/** States that are left to a machine of their own and say nothing about the run. */
const beside = /^(StartKeepSnapshot|CleanUp)/;

/**
 * Follows what an execution does, and what the executions do that it waits for.
 * `CopyShards 120 of 2,030, ArchiveMediaShards 1 of 3`
 */
export class Progression {
  readonly history = new History();
  readonly #nested = new Map<string, Progression>();

  /** @returns the states that work now */
  async update(executions: Executions, executionArn: string): Promise<string> {
    await executions.update(executionArn, this.history);
    const texts = await Promise.all(
      this.history.active.map(async ({ name, type, mapRunArn, executionArn: nested }) => {
        if (nested !== undefined && !beside.test(name)) {
          const progression = this.#nested.get(nested) ?? new Progression();
          this.#nested.set(nested, progression);
          return `${name}: ${(await progression.update(executions, nested)) || 'begins'}`;
        }
        const counts = type === 'Map' && mapRunArn ? await executions.itemCounts(mapRunArn) : undefined;
        return counts ? `${name} ${count(counts.done)} of ${count(counts.total)}` : name;
      }),
    );
    return texts.join(', ');
  }

  /** The nested executions seen, by the state that waits for them. */
  nested(): { readonly state: string; readonly executionArn: string; readonly progression: Progression }[] {
    return this.history.states.flatMap(({ name, executionArn }) => {
      const progression = executionArn === undefined ? undefined : this.#nested.get(executionArn);
      return executionArn !== undefined && progression ? [{ state: name, executionArn, progression }] : [];
    });
  }
}
