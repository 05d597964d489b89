import { z } from 'zod';
import type { Round } from '../run/keys.ts';
import { BackupOptions, type RunState, RunState as RunStateSchema, SnapshotState } from '../run/state.ts';
import type { LeaveOut } from '../snapshot/select-relations.ts';

/** What every state of a backup gets. */
export const BackupInput = z.object({ run: RunStateSchema, options: BackupOptions });
/** And those after OpenSnapshot. */
export const SnapshotInput = BackupInput.extend({ snapshot: SnapshotState });

export function roundOf(run: RunState): Round {
  return { runId: run.id, round: run.round };
}

export function leaveOutOf({ excludeTables, excludeTableData, schemaOnly }: BackupOptions): LeaveOut {
  return { excludeTables, excludeTableData, schemaOnly };
}
