import { matchPatterns } from './patterns.ts';
import type { Relation, RelationKind } from './relations.ts';

/** What a person leaves out of a backup; patterns as pg_dump's options of the same names take them. */
export interface LeaveOut {
  readonly excludeTables: readonly string[];
  readonly excludeTableData: readonly string[];
  readonly schemaOnly: boolean;
}

export interface Selection {
  /** Tables and partitioned tables whose definition is in the backup: all are locked. */
  readonly locked: readonly Relation[];
  /** Tables whose rows are in the backup. */
  readonly rows: readonly Relation[];
  /** Tables whose definition is in the backup and whose rows are not. */
  readonly definitionOnly: readonly Relation[];
  /** Relations of every kind that are not in the backup at all. */
  readonly leftOut: readonly Relation[];
  /** Materialised views that are defined but not filled. */
  readonly notRefreshed: readonly Relation[];
  /** Sequences whose position is in the backup. */
  readonly sequences: readonly Relation[];
  /** What the patterns cover beyond their words, for a person to read. */
  readonly notes: readonly string[];
}

const withRows: readonly RelationKind[] = ['table', 'partitioned', 'materialized', 'foreign', 'sequence'];

/**
 * Decides what a backup holds, as pg_dump decides it, with two differences that are told in `notes`: leaving out a
 * partitioned table leaves out its partitions, and leaving out a table leaves out those that inherit from it, which
 * could not be created without it.
 * @throws BadPattern, PatternMatchesNothing
 */
export function selectRelations(
  relations: readonly Relation[],
  leaveOut: LeaveOut,
  database?: string,
): Selection {
  const own = relations.filter(({ extension }) => extension === undefined || extension.condition !== null);
  const family = new Family(relations);
  const notes: string[] = [];
  const match = (patterns: readonly string[], among: readonly Relation[], option: string) =>
    new Set(matchPatterns(patterns, among, option, database).map(({ oid }) => oid));

  const named = match(leaveOut.excludeTables, own, '--exclude-table');
  const left = family.withDescendants(named, () => true);
  notes.push(...sayCovered('--exclude-table', family, named, left));

  const silent = match(
    leaveOut.excludeTableData,
    own.filter(({ kind }) => withRows.includes(kind)),
    '--exclude-table-data',
  );
  const quiet = family.withDescendants(silent, ({ partition }) => partition);
  notes.push(...sayCovered('--exclude-table-data', family, silent, quiet));

  const isKept = (relation: Relation) => !isLeftOut(relation, left);
  const isFilled = ({ oid }: Relation) => !leaveOut.schemaOnly && !quiet.has(oid);
  const kept = own.filter(isKept);
  const tables = kept.filter(({ kind }) => kind === 'table');
  return {
    locked: kept.filter(({ kind }) => kind === 'table' || kind === 'partitioned'),
    rows: tables.filter(isFilled),
    // An extension makes its own tables, so that there is nothing to say of one without rows
    definitionOnly: tables.filter((table) => !isFilled(table) && table.extension === undefined),
    leftOut: own.filter((relation) => !isKept(relation)),
    notRefreshed: kept.filter((relation) => relation.kind === 'materialized' && quiet.has(relation.oid)),
    sequences: kept.filter((relation) => relation.kind === 'sequence' && isFilled(relation)),
    notes,
  };
}

/** A sequence goes where its table goes (pg_dump, getOwnedSeqs): with it always, without it only when it is a plain one. */
function isLeftOut(relation: Relation, left: ReadonlySet<number>): boolean {
  const { ownedBy } = relation;
  if (relation.kind !== 'sequence' || ownedBy === undefined) return left.has(relation.oid);
  if (!left.has(ownedBy.oid)) return false;
  return ownedBy.identity || left.has(relation.oid);
}

/** Who inherits from whom. */
class Family {
  readonly #children = new Map<number, Relation[]>();
  readonly #byOid = new Map<number, Relation>();

  constructor(relations: readonly Relation[]) {
    for (const relation of relations) {
      this.#byOid.set(relation.oid, relation);
      for (const parent of relation.parents) {
        const children = this.#children.get(parent);
        if (children) children.push(relation);
        else this.#children.set(parent, [relation]);
      }
    }
  }

  withDescendants(named: ReadonlySet<number>, follow: (child: Relation) => boolean): ReadonlySet<number> {
    const all = new Set(named);
    // A set's iteration goes on with what is added meanwhile
    for (const oid of all) {
      for (const child of this.#children.get(oid) ?? []) if (follow(child)) all.add(child.oid);
    }
    return all;
  }

  nameOf(oid: number): string {
    const relation = this.#byOid.get(oid);
    return relation ? `${relation.schema}.${relation.name}` : String(oid);
  }
}

function sayCovered(
  option: string,
  family: Family,
  named: ReadonlySet<number>,
  all: ReadonlySet<number>,
): string[] {
  const covered = [...all].filter((oid) => !named.has(oid)).map((oid) => family.nameOf(oid));
  if (covered.length === 0) return [];
  const shown = covered.slice(0, 5).join(', ');
  const more = covered.length > 5 ? ` and ${covered.length - 5} more` : '';
  return [`${option} covers the tables below the ones it names too: ${shown}${more}`];
}
