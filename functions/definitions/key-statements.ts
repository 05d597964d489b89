import { quoteIdentifier, quoteLiteral, quoteName } from '../postgres/quote.ts';
import type { RelationName } from './post-data-groups.ts';
import type { ParseTree } from './statements.ts';

/** A primary key or unique constraint in the two steps that `ALTER TABLE … USING INDEX` allows. */
export interface KeyStatements {
  /** Can be built at the same time as other indexes of the table. */
  readonly index: string;
  /** Takes the index over; a moment. */
  readonly constraint: string;
}

/**
 * Writes a constraint as CREATE UNIQUE INDEX and ADD CONSTRAINT … USING INDEX (PostgreSQL manual, ALTER TABLE).
 * The index gets the constraint's name, as it would by itself.
 * @returns undefined for exclusion constraints and WITHOUT OVERLAPS
 */
export function keyStatements(relation: RelationName, constraint: ParseTree): KeyStatements | undefined {
  const { contype, conname, without_overlaps: withoutOverlaps } = constraint;
  if ((contype !== 'CONSTR_PRIMARY' && contype !== 'CONSTR_UNIQUE') || withoutOverlaps) return undefined;
  const table = quoteName(relation.schema, relation.name);
  const name = quoteIdentifier(conname);
  const index = [
    `CREATE UNIQUE INDEX ${name} ON ${table} (${columns(constraint.keys)})`,
    constraint.including ? `INCLUDE (${columns(constraint.including)})` : '',
    constraint.nulls_not_distinct ? 'NULLS NOT DISTINCT' : '',
    constraint.options ? `WITH (${constraint.options.map(storageOption).join(', ')})` : '',
  ];
  const added = [
    `ALTER TABLE ONLY ${table} ADD CONSTRAINT ${name}`,
    contype === 'CONSTR_PRIMARY' ? 'PRIMARY KEY' : 'UNIQUE',
    `USING INDEX ${name}`,
    constraint.deferrable ? 'DEFERRABLE' : '',
    constraint.initdeferred ? 'INITIALLY DEFERRED' : '',
  ];
  return { index: index.filter(Boolean).join(' '), constraint: added.filter(Boolean).join(' ') };
}

function columns(nodes: readonly ParseTree[]): string {
  return nodes.map((node) => quoteIdentifier(node.String.sval)).join(', ');
}

/** `fillfactor='70'`: every storage parameter takes its value as a string. */
function storageOption({ DefElem: { defname, arg } }: ParseTree): string {
  const value =
    arg?.String?.sval ?? arg?.Integer?.ival ?? arg?.Float?.fval ?? arg?.TypeName?.names?.[0]?.String?.sval;
  return value === undefined
    ? quoteIdentifier(defname)
    : `${quoteIdentifier(defname)}=${quoteLiteral(String(value)).trim()}`;
}
