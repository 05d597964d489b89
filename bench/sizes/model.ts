import type { DatabaseShape } from '../../functions/estimate/database-shape.ts';
import type { Work } from '../../functions/estimate/work.ts';
import type { Surroundings } from '../../functions/run/surroundings.ts';
import type { MemoryStore } from './memory-store.ts';

/** What a simulated run is about. */
export interface Model {
  readonly shape: DatabaseShape;
  readonly store: MemoryStore;
  readonly jobs: number;
  readonly shardBytes: number;
  readonly startedAt: string;
  /** Of the backup that is restored. */
  readonly backupId: string;
}

/** As much of a state as the model looks at. */
export interface ModelState {
  readonly run: { readonly id: string; readonly round: number };
  readonly options: { readonly jobs: number; readonly shardBytes: number };
  readonly shard?: number;
}

/** What a handler would leave and return, and what that would take. */
export type ModelHandler = (
  input: ModelState,
  around: Surroundings,
) => Promise<{ readonly output: unknown; readonly work: Work }>;
