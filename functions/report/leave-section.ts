import type { RunId } from '../run/run-id.ts';
import { leave } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys } from './keys.ts';
import { type Section, type SectionName, sections } from './sections.ts';

/** Leaves a state's part of the report with the run; a repeated state writes it again, whole. */
export async function leaveSection<Name extends SectionName>(
  store: ObjectStore,
  runId: RunId,
  state: Name,
  section: Section<Name>,
): Promise<void> {
  await leave(store, keys.section(runId, state), sections[state].parse(section));
}
