import { readSection } from '../archive/chunk-reader.ts';
import type { Manifest, Section, TableEntry } from '../archive/manifest.ts';
import { readManifest } from '../archive/read-manifest.ts';
import { relationKey } from '../postgres/relation-key.ts';
import { keys as reportKeys } from '../report/keys.ts';
import { leaveSection } from '../report/leave-section.ts';
import type { Section as ReportSection, SectionName } from '../report/sections.ts';
import { notesOf } from '../report/store-report.ts';
import type { ServerMark } from '../run/cache-mark.ts';
import type { RunId } from '../run/run-id.ts';
import { find, leave } from '../run/stored.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { keys, RestoreRecord } from './records.ts';

/** A restore under way, as a state finds it: its plan and the manifest of its backup. */
export class Restoring {
  readonly store: ObjectStore;
  readonly runId: RunId;
  readonly plan: RestoreRecord;
  readonly manifest: Manifest;

  private constructor(store: ObjectStore, runId: RunId, plan: RestoreRecord, manifest: Manifest) {
    this.store = store;
    this.runId = runId;
    this.plan = plan;
    this.manifest = manifest;
  }

  static of(store: ObjectStore, runId: RunId, plan: RestoreRecord, manifest: Manifest): Restoring {
    return new Restoring(store, runId, plan, manifest);
  }

  /** @throws RunStateMissing, DamagedBackup */
  static async find(store: ObjectStore, runId: RunId): Promise<Restoring> {
    const plan = await find(store, keys.plan(runId), RestoreRecord);
    return new Restoring(store, runId, plan, await readManifest(store, plan.backupId));
  }

  /** Entries of the tables whose rows are restored. */
  get tables(): TableEntry[] {
    return chosenTables(this.manifest, this.plan);
  }

  async preData(signal: AbortSignal): Promise<string> {
    return this.#text('pre-data', this.manifest.definitions.preData, signal);
  }

  async postData(signal: AbortSignal): Promise<string> {
    return this.#text('post-data', this.manifest.definitions.postData, signal);
  }

  /** What a person should read afterwards; each state's are kept apart, so that a repeated one says it once. */
  async note(state: string, notes: readonly string[]): Promise<void> {
    if (notes.length > 0) await leave(this.store, reportKeys.notes(this.runId, state), notes);
  }

  /** What a state came to, for the report of the restore (docs/report.md). */
  async report<Name extends SectionName>(state: Name, section: ReportSection<Name>): Promise<void> {
    await leaveSection(this.store, this.runId, state, section);
  }

  async allNotes(): Promise<string[]> {
    return [...new Set([...this.plan.notes, ...(await notesOf(this.store, this.runId))])];
  }

  async #text(what: string, section: Section, signal: AbortSignal): Promise<string> {
    const blocks: Buffer[] = [];
    const { key, etag } = this.plan.database;
    for await (const block of readSection(this.store, key, section, { etag }, { what, signal }))
      blocks.push(block);
    return Buffer.concat(blocks).toString('utf8');
  }
}

export function chosenTables(manifest: Manifest, plan: Pick<RestoreRecord, 'tables'>): TableEntry[] {
  if (!plan.tables) return manifest.tables;
  const chosen = new Set(plan.tables.map(([schema, name]) => relationKey({ schema, name })));
  return manifest.tables.filter((table) => chosen.has(relationKey(table)));
}

/** Servers of the source's cache, as far as the backup knows them. */
export function cacheServersOf({ cacheInvalidated: cache }: Manifest): readonly ServerMark[] {
  return cache?.kind === 'redis' ? cache.servers : [];
}
