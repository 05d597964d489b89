/**
 * How fast things go, as far as it was measured, and what else an estimate has to assume. Bytes and seconds.
 * What was measured stands in docs/benchmarks.md; what follows from it for Lambda is rounded to the careful side.
 */
export const rates = {
  /**
   * COPY text that a worker with one vCPU (1,769 MB, "Configure Lambda function memory") reads, compresses and uploads:
   * 5.6 s of CPU for 1.0 GB, and one connection gives 136 to 150 MB/s.
   */
  copyTextPerSecond: 100e6,
  /** Rows into a table over one connection: 54 MB/s with pglz, 75 to 94 with lz4, on a server that does nothing else. */
  loadTextPerSecond: 25e6,
  /** Heap that one session reads and sorts for one index. */
  indexHeapPerSecond: 40e6,
  /** Heap that one session reads to validate one foreign key. */
  validateHeapPerSecond: 100e6,
  /** Heap that one session counts. */
  countHeapPerSecond: 200e6,
  /** Heap that ANALYZE looks at: 300 × the statistics target of 100 pages, each anywhere in the table. */
  analysedBytes: 300 * 100 * 8192,
  analyseHeapPerSecond: 100e6,
  /** Files from and to EFS, and the latency of opening one. */
  mediaPerSecond: 60e6,
  mediaFileSeconds: 0.01,
  /** One part of a copy inside S3, and how many are under way at once. */
  sealPartPerSecond: 100e6,
  sealPartsAtOnce: 32,

  /** Of one statement about one table or index, and its answer. */
  statementSeconds: 0.004,
  /** Of one small request to S3; this many are under way where there are many. */
  requestSeconds: 0.03,
  requestsAtOnce: 24,
  /** A table's definition through pg_dump: half a second for 229. */
  definitionSeconds: 0.003,
  /** Start of an invocation: environment, certificates, the connection to the database. */
  invocationSeconds: 0.5,
  /** Between two states, and before a child of a fan-out begins. */
  transitionSeconds: 0.03,
  childSeconds: 0.3,
} as const;

/** What becomes of a byte on disk, seen on Nautobot's own tables: the change log's rows are four fifths TOAST. */
export interface Ratios {
  /** COPY text for a byte of heap. */
  readonly textOfHeap: number;
  /** COPY text for a byte of TOAST, which the server had compressed. */
  readonly textOfToast: number;
  /** Stored bytes for a byte of text from the heap. */
  readonly storedOfHeapText: number;
  readonly storedOfToastText: number;
  /** Stored bytes for a byte of media, most of which are compressed images. */
  readonly storedOfMedia: number;
}

/** 1.5 GB of tables gave 3.0 GB of text and 206 MB in S3 (zstd level 3). */
export const nautobotRatios: Ratios = {
  textOfHeap: 1,
  textOfToast: 2.2,
  storedOfHeapText: 0.15,
  storedOfToastText: 0.06,
  storedOfMedia: 1,
};

/** Seconds of the 900 that a handler uses before it hands over to its next invocation (functions/run/lifetime.ts). */
export const usableSeconds = 810;
/** Seconds after which a new keeper is invoked (the machine KeepSnapshot), and that a keeper lives at most. */
export const handOverSeconds = 540;
export const keeperSeconds = 900;
/** Of an upload's parts (functions/store). */
export const uploadPartBytes = 16 * 1024 * 1024;
/** COPY text after which a chunk ends (functions/rows/copy-shard.ts). */
export const chunkTextBytes = 512 * 1024 * 1024;
