import { readResult } from '../archive/put-result.ts';
import {
  areFew,
  checkDumped,
  type DumpDefinitionsOptions,
  dumpBoth,
  dumpSection,
  type SectionText,
} from '../definitions/dump-definitions.ts';
import { checkNothingNeeds } from '../definitions/excluded-tables.ts';
import { type SectionName, sections } from '../definitions/sections.ts';
import type { Database, Session } from '../postgres/session.ts';
import { newAttempt } from '../run/attempt.ts';
import type { Round } from '../run/keys.ts';
import type { Lifetime } from '../run/lifetime.ts';
import { leave } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { writeDefinitions } from './definitions-object.ts';
import { type DefinitionsRecord, keys, SectionRecord } from './records.ts';

export interface DumpSchemaOptions extends DumpDefinitionsOptions {
  readonly at: Round;
  readonly life: Lifetime;
  readonly signal: AbortSignal;
}

/**
 * Reads the definitions and leaves them, section by section: as working objects, and as parts of schema.sql. Of many
 * tables each section has a lifetime of its own, and so has the comparison of the catalogues at the end.
 * @returns false: the lifetime has not enough left for the next part; what is done is found again
 * @throws what dumpDefinitions throws
 */
export async function dumpSome(
  store: ObjectStore,
  database: Database,
  inSnapshot: Session,
  options: DumpSchemaOptions,
): Promise<boolean> {
  const { at, life } = options;
  const save = (section: SectionName, text: SectionText) => saveSection(store, section, text, options);
  let begun = false;
  if (await areFew(inSnapshot, options)) {
    await checkNothingNeeds(inSnapshot, options.excludeTables ?? []);
    const [pre, post] = await dumpBoth(database, inSnapshot, options);
    await save('pre-data', pre);
    await save('post-data', post);
  } else {
    for (const section of sections) {
      if (await readResult(store, keys.sectionRecord(at, section), SectionRecord)) continue;
      if (begun && isSpent(life)) return false;
      begun = true;
      if (section === 'pre-data') await checkNothingNeeds(inSnapshot, options.excludeTables ?? []);
      await save(section, await dumpSection(database, inSnapshot, section, options));
    }
    if (begun && isSpent(life)) return false;
  }
  const record: DefinitionsRecord = { notes: await checkDumped(database, inSnapshot, options) };
  await leave(store, keys.definitions(at), record);
  return true;
}

/** A part takes no longer than the one before, by and large, and begins where it has half of a lifetime before it. */
function isSpent(life: Lifetime): boolean {
  return Number.isFinite(life.wholeSeconds) && life.leftMs() < life.wholeSeconds * 500;
}

async function saveSection(
  store: ObjectStore,
  section: SectionName,
  { text, schema, roles, notes }: SectionText,
  { at, signal }: DumpSchemaOptions,
): Promise<void> {
  const result = await writeDefinitions(store, keys.section(at, section, newAttempt()), text, signal);
  await store.put(keys.schemaPart(at, section), schema);
  const record: SectionRecord = { result, roles: [...roles], notes: [...notes] };
  await leave(store, keys.sectionRecord(at, section), record);
}
