import type { Database } from '../postgres/session.ts';
import { transferTables } from '../target/transfer-tables.ts';
import type { Restoring } from './restoring.ts';
import { type SwitchedRestore, type SwitchOptions, switchOver } from './switch-over.ts';

/** Notes travel through the machine's state, which has a size. */
const mostNotes = 100;
const longestNote = 500;

/** Puts the rebuilt database in the place of the old one, or the rows of single tables into it. */
export async function bringIntoUse(
  restoring: Restoring,
  target: Database,
  options: Omit<SwitchOptions, 'backupId'>,
) {
  const { plan, manifest, tables } = restoring;
  const notes = await restoring.allNotes();
  if (plan.scope === 'tables') {
    const moved = await transferTables(target, plan.rebuild, {
      tables,
      sequences: manifest.sequences,
      signal: options.signal,
    });
    await restoring.note('SwitchOver', moved.notes).catch(() => {});
    return { ...moved, notes: shortened([...notes, ...moved.notes]) };
  }
  const switched = await switchOver(target, plan.rebuild, { ...options, backupId: plan.backupId });
  await reportSwitch(restoring, switched).catch(() => {});
  return { ...switched, notes: shortened([...notes, ...switched.notes]) };
}

/** The target is in use by now: what can't be left for the report doesn't make a failure of it. */
async function reportSwitch(restoring: Restoring, switched: SwitchedRestore): Promise<void> {
  const { endedSessions, awayMs, previous, keptPrevious, carriedOver, notes } = switched;
  await restoring.note('SwitchOver', notes);
  await restoring.report('SwitchOver', {
    endedSessions,
    awayMs,
    previous: keptPrevious ? previous : null,
    carriedOver: shortened(carriedOver),
  });
}

function shortened(notes: readonly string[]): string[] {
  const more = notes.length > mostNotes ? [`and ${notes.length - mostNotes} more`] : [];
  return [...notes.slice(0, mostNotes).map((note) => note.slice(0, longestNote)), ...more];
}
