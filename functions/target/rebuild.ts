import { z } from 'zod';
import { RunId } from '../run/run-id.ts';
import { hiddenDatabaseName, previousDatabaseName } from './names.ts';
import type { TargetFacts } from './target-facts.ts';

/** What every state of a restore needs to know of the database it builds; goes from state to state. */
export const Rebuild = z.object({
  runId: RunId,
  /** The database that is in use, by the name that it has before and after. */
  target: z.string(),
  hidden: z.string(),
  previous: z.string(),
  databaseOwner: z.string(),
  /** Everything in the new database belongs to this role. */
  objectOwner: z.string(),
});
export type Rebuild = z.infer<typeof Rebuild>;

export function planRebuild(runId: RunId, facts: TargetFacts): Rebuild {
  return {
    runId,
    target: facts.database,
    hidden: hiddenDatabaseName(facts.database, runId),
    previous: previousDatabaseName(facts.database, runId),
    databaseOwner: facts.databaseOwner,
    objectOwner: facts.objectOwner,
  };
}
