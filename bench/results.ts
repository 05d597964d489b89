import type { MachineDescription } from './machine.ts';
import type { Measurement } from './measure/measure.ts';

/** Rows of the database that a command's archive or target came to, compared with the source's. */
export interface RowCheck {
  readonly equal: boolean;
  readonly tables: number;
  readonly rows: number;
  /** What differs: names of tables, sequences, indexes and constraints. */
  readonly differences: readonly string[];
}

export interface ContenderResult {
  readonly name: string;
  readonly title: string;
  readonly kind: 'backup' | 'limit' | 'restore' | 'clone';
  /** As bash got it. */
  readonly script: string;
  /** `missing`: a program isn't there or doesn't fit; `left out`: by --only. */
  readonly outcome: 'measured' | 'missing' | 'failed' | 'left out';
  /** Why it wasn't measured. */
  readonly reason?: string;
  readonly runs: readonly Measurement[];
  /** Bytes of the objects it wrote. */
  readonly objectBytes?: number;
  readonly check?: RowCheck;
}

/** All of one benchmark, as it is kept in JSON. */
export interface BenchResults {
  readonly version: 1;
  readonly at: string;
  /** Of the project, with `+` where files differ from it; `unknown` outside a checkout. */
  readonly commit: string;
  /** A remark of the person who ran it. */
  readonly note?: string;
  readonly machine: MachineDescription;
  /** What was asked for, in 10^9 bytes of COPY text. */
  readonly gigabytes: number;
  readonly jobs: number;
  readonly rounds: number;
  readonly database: {
    readonly copyTextBytes: number;
    readonly databaseBytes: number;
    readonly tables: number;
    readonly rows: number;
    /** Bytes that each connection of the limit reads. */
    readonly halves: readonly [number, number];
  };
  readonly contenders: readonly ContenderResult[];
}
