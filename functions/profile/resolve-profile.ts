import { relationKey } from '../postgres/relation-key.ts';
import { BadPattern, PatternMatchesNothing } from '../snapshot/errors.ts';
import { matchPatterns } from '../snapshot/patterns.ts';
import type { Problem } from './errors.ts';
import { dissect, type ExpansionContext, expand, NotUsable } from './expression.ts';
import type { Profile, Rule, Section, StatementRule } from './read-profile.ts';
import type { AppliedProfile, Placed, Treatment } from './treatment.ts';

/** A table as a profile may name it. */
export interface TableShape {
  readonly schema: string;
  readonly name: string;
  /** On the search path; a pattern without a schema means these only. */
  readonly visible: boolean;
  /** undefined: not known, because the table is not in the backup. */
  readonly columns: readonly string[] | undefined;
  /** Columns that can't be NULL. */
  readonly notNull?: ReadonlySet<string>;
  /** Of a partitioned table: the tables below it that have rows. */
  readonly leaves?: readonly { readonly schema: string; readonly name: string }[];
}

/**
 * Applies a profile's rules to tables. Everything that can be said from names alone is in `problems`.
 */
export async function resolveProfile(
  profile: Profile,
  tables: readonly TableShape[],
  backupTime: string,
): Promise<{ readonly applied: AppliedProfile; readonly problems: readonly Problem[] }> {
  const resolving = new Resolving(profile, tables, backupTime);
  return { applied: await resolving.run(), problems: resolving.problems };
}

type Draft = { -readonly [Field in keyof Treatment]: Treatment[Field] };

class Resolving {
  readonly problems: Problem[] = [];
  readonly #profile: Profile;
  readonly #tables: readonly TableShape[];
  readonly #byKey: ReadonlyMap<string, TableShape>;
  readonly #context: ExpansionContext;
  readonly #drafts = new Map<string, Draft>();

  constructor(profile: Profile, tables: readonly TableShape[], backupTime: string) {
    this.#profile = profile;
    this.#tables = tables;
    this.#byKey = new Map(tables.map((table) => [relationKey(table), table]));
    this.#context = { switches: profile.switches, backupTime };
  }

  async run(): Promise<AppliedProfile> {
    const statements: Placed[] = [];
    for (const section of this.#profile.sections) {
      if (!this.#holds(section)) continue;
      for (const rule of section.rules) await this.#apply(rule);
      for (const statement of section.statements)
        if (statement.requires.every((name) => this.#exists(name)))
          statements.push(...(await this.#statement(statement)));
    }
    return {
      name: this.#profile.name,
      treatments: [...this.#drafts.values()],
      statements,
      switches: this.#profile.switches,
    };
  }

  #holds({ switches, has, lacks }: Section): boolean {
    return (
      Object.entries(switches).every(([name, value]) => this.#profile.switches[name] === value) &&
      has.every((name) => this.#exists(name)) &&
      !lacks.some((name) => this.#exists(name))
    );
  }

  /** `table`, or `table.column`. */
  #exists(name: string): boolean {
    if (this.#match(name).length > 0) return true;
    const dot = name.lastIndexOf('.');
    if (dot < 0) return false;
    const column = name.slice(dot + 1);
    return this.#match(name.slice(0, dot)).some(({ columns }) => columns?.includes(column));
  }

  /** Tables with rows of their own that a pattern names. */
  #match(pattern: string): TableShape[] {
    try {
      const named = matchPatterns([pattern], this.#tables, 'the table pattern');
      const leaves = named.flatMap((table) =>
        (table.leaves ?? [table]).flatMap((leaf) => this.#byKey.get(relationKey(leaf)) ?? []),
      );
      return [...new Set([...leaves, ...named])];
    } catch (error) {
      if (error instanceof PatternMatchesNothing || error instanceof BadPattern) return [];
      throw error;
    }
  }

  async #apply(rule: Rule): Promise<void> {
    const { place } = rule;
    if (rule.about === 'table') {
      if (rule.optional || this.#match(rule.table).length > 0) return;
      try {
        matchPatterns([rule.table], this.#tables, 'the table pattern');
      } catch (error) {
        this.problems.push({ place, what: `${(error as Error).message} (or say optional: true)` });
      }
      return;
    }
    const matched = this.#match(rule.table);
    const tables = matched.filter(({ leaves }) => leaves === undefined);
    if (rule.about === 'column') return this.#applyToColumn(rule, tables);
    if (rule.about === 'referring') {
      for (const table of tables) this.#draft(table).clears = rule.text === 'clear';
      return;
    }
    const placed = await this.#placed(rule, /^(all|none)$/i.test(rule.text) && rule.about === 'rows');
    if (placed === undefined) return;
    for (const table of tables) {
      const draft = this.#draft(table);
      if (rule.about === 'except') draft.except = placed === 'none' || placed === 'all' ? null : placed;
      else draft.rows = placed;
    }
  }

  async #applyToColumn(rule: Rule, tables: readonly TableShape[]): Promise<void> {
    const { place, column } = rule;
    if (column === null) return;
    const having = tables.filter(({ columns }) => columns === undefined || columns.includes(column));
    if (tables.length > 0 && having.length === 0 && !rule.optional) {
      const known = [...new Set(tables.flatMap(({ columns }) => columns ?? []))];
      const close = known.filter((name) => name.includes(column) || column.includes(name)).slice(0, 3);
      const hint = close.length > 0 ? `; is it ${close.join(', ')}?` : '';
      this.problems.push({
        place,
        what: `${rule.table} has no column ${column}, or a generated one${hint} (or say optional: true)`,
      });
    }
    const keeps = /^keep$/i.test(rule.text);
    const placed = await this.#placed(rule, keeps);
    if (placed === undefined) return;
    for (const table of having.filter(({ columns }) => columns !== undefined)) {
      const draft = this.#draft(table);
      draft.columns = draft.columns.filter((one) => one.column !== column);
      draft.kept = draft.kept.filter((one) => one !== column);
      if (typeof placed === 'string') draft.kept.push(column);
      else draft.columns.push({ ...placed, column });
    }
  }

  #draft(table: TableShape): Draft {
    const { schema, name } = table;
    const draft: Draft = this.#drafts.get(relationKey(table)) ?? {
      schema,
      name,
      rows: 'all',
      clears: false,
      except: null,
      columns: [],
      kept: [],
    };
    this.#drafts.set(relationKey(table), draft);
    return draft;
  }

  async #placed(rule: Rule, isWord: boolean): Promise<Placed | 'all' | 'none' | undefined> {
    if (isWord) return rule.text.toLowerCase() === 'none' ? 'none' : 'all';
    return this.#reading(rule.place, async () => {
      await dissect(rule.text);
      return { ...(await expand(rule.text, this.#context)), written: rule.text, place: rule.place };
    });
  }

  async #statement({ sql, place }: StatementRule): Promise<Placed[]> {
    const placed = await this.#reading(place, async () => {
      return { ...(await expand(sql, this.#context)), written: sql, place };
    });
    return placed ? [placed] : [];
  }

  async #reading(place: string, read: () => Promise<Placed>): Promise<Placed | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof NotUsable)) throw error;
      this.problems.push({ place, what: error.message });
      return undefined;
    }
  }
}
