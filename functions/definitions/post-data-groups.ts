import type { KeyStatements } from './key-statements.ts';

export interface RelationName {
  readonly schema: string;
  readonly name: string;
}

export interface PostStatement {
  /** Without its semicolon. */
  readonly text: string;
  /** PostgreSQL's name for the statement: `IndexStmt`, `CreateTrigStmt`, … */
  readonly kind: string;
  /** The table or view that it belongs to, where the statement says so. */
  readonly relation?: RelationName;
}

export interface IndexStatement extends PostStatement {
  readonly relation: RelationName;
  readonly name: string;
  readonly unique: boolean;
}

export interface KeyStatement extends PostStatement {
  readonly relation: RelationName;
  readonly name: string;
  readonly type: 'primary' | 'unique' | 'exclusion';
  /**
   * The same constraint as an index and a constraint that takes it over, so that the index can be built in parallel.
   * Undefined where PostgreSQL has no such way (exclusion, WITHOUT OVERLAPS). Not for partitioned tables: who runs it
   * looks at pg_class.relkind.
   */
  readonly inTwoSteps?: KeyStatements;
}

export interface ForeignKeyStatement extends PostStatement {
  readonly relation: RelationName;
  readonly references: RelationName;
  readonly columns: readonly string[];
  /** Empty: the primary key of the table that is referred to. */
  readonly referencedColumns: readonly string[];
  readonly name: string;
  /** False: the source has it NOT VALID (or NOT ENFORCED), and so it stays. */
  readonly validated: boolean;
  /**
   * The same with NOT VALID, to be validated later. Undefined where it is not validated at all, and on partitioned
   * tables, which have no NOT VALID before PostgreSQL 18.
   */
  readonly notValidText?: string;
}

export interface PolicyStatement extends PostStatement {
  /** Roles that it names; empty: it is for PUBLIC or says CURRENT_USER. */
  readonly roles: readonly string[];
}

/**
 * A dump's post-data in the order in which it can be run. Every statement is in exactly one group. Groups one after
 * another: `indexes`, `keys`, `others`, `foreignKeys`, `behaviour`, `refreshes`, `eventTriggers`.
 */
export interface PostData {
  /** Any order, any parallelism. */
  readonly indexes: IndexStatement[];
  /** Any order; in two steps also in parallel. */
  readonly keys: KeyStatement[];
  /**
   * In this order: index partitions attached, replica identity, CLUSTER ON, statistics objects, check constraints not
   * validated, views and functions that need a key, indexes on those, comments on all of these.
   */
  readonly others: PostStatement[];
  /** One after another, validation in parallel. */
  readonly foreignKeys: ForeignKeyStatement[];
  /** In this order: rules, triggers, policies, row security, publications, comments on these and on foreign keys. */
  readonly behaviour: (PostStatement | PolicyStatement)[];
  /** Materialised views that the source has populated, in the order of their dependencies. */
  readonly refreshes: PostStatement[];
  /** In this order, last of all; only superusers may. */
  readonly eventTriggers: PostStatement[];
}
