import { createHash, type Hash } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { crc32 } from 'node:zlib';
import { UploadIncomplete } from '../store/errors.ts';
import type { ObjectFacts, ObjectStore } from '../store/object-store.ts';
import { type Block, BlockBuilder } from './block-builder.ts';
import { crc32Text } from './crc32-combine.ts';
import { blockBytes } from './frame.ts';
import { FrameCompressor } from './frame-compressor.ts';
import { freeMemory } from './free-memory.ts';
import type { Section } from './manifest.ts';

/** Compression contexts of one object; each has some megabytes of memory. */
const compressorsAtOnce = 2;

export interface WorkingObjectOptions {
  readonly level?: number;
  /** A block is cut between appended pieces before it would be longer; one longer piece is a block of its own. */
  readonly blockBytes?: number;
  /** Blocks that are compressed or wait to be sent at the same time; bounds the memory. */
  readonly parallel?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Offsets are within the working object. */
export interface WrittenChunk extends Section {
  readonly rows: number;
}

export interface WorkingObjectFacts {
  readonly object: string;
  readonly etag: string;
  readonly size: number;
  readonly crc32: string;
}

/** What waits for its turn to be sent: a frame that is being compressed, or the end of a chunk. */
type Queued =
  | { readonly frame: Promise<Buffer>; readonly rawBytes: number; readonly chunk: OpenChunk | undefined }
  | {
      readonly end: OpenChunk;
      readonly settle: (chunk: WrittenChunk) => void;
      readonly reject: (reason: unknown) => void;
    };

interface OpenChunk {
  readonly hash: Hash;
  offset: number | undefined;
  length: number;
  frames: number;
  rawBytes: number;
  rows: number;
}

/**
 * Begins a working object: zstd frames, one after another, sent while they are made. Rows, definitions and media are
 * all written by it.
 *
 * Use it with `await using`, or call `abort` when something fails: then the upload is removed and no object is there.
 */
export function openWorkingObject(
  store: ObjectStore,
  key: string,
  options: WorkingObjectOptions = {},
): WorkingObject {
  return new WorkingObject(store, key, options);
}

export class WorkingObject {
  readonly #key: string;
  readonly #level: number | undefined;
  readonly #block: BlockBuilder;
  readonly #parallel: number;
  readonly #body = new PassThrough({ highWaterMark: 1024 * 1024 });
  readonly #upload: Promise<ObjectFacts>;
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#fail(this.#signal?.reason);

  readonly #queue: Queued[] = [];
  /** Resolves what waits for room in the queue, or for something in it. */
  #wake: (() => void)[] = [];
  #chunk: OpenChunk | undefined;
  readonly #compressors: FrameCompressor[] = [];
  #frames = 0;
  #finishing = false;
  #size = 0;
  #crc = 0;

  constructor(store: ObjectStore, key: string, options: WorkingObjectOptions) {
    this.#key = key;
    this.#level = options.level;
    this.#block = new BlockBuilder(options.blockBytes ?? blockBytes);
    this.#parallel = options.parallel ?? 3;
    this.#signal = options.signal;
    this.#body.on('error', () => {});
    this.#body.on('drain', () => this.#awake());
    this.#upload = store.upload(key, this.#body, this.#ended.signal);
    this.#upload.then(
      () => this.#signal?.removeEventListener('abort', this.#onAbort),
      (error) => this.#fail(error),
    );
    // Not AbortSignal.any: a run's signal would keep every object that it could have ended
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (this.#signal?.aborted) this.#onAbort();
    this.#send().catch((error) => this.#fail(error));
  }

  /** Text between chunks, such as a COPY line: a frame of its own. */
  async write(text: string | Buffer): Promise<void> {
    if (this.#chunk) throw new TypeError('text would come to lie within a chunk');
    await this.#enqueue({ bytes: Buffer.from(text), release() {} });
  }

  beginChunk(): void {
    if (this.#chunk) throw new TypeError('a chunk is open already');
    this.#chunk = {
      hash: createHash('sha256'),
      offset: undefined,
      length: 0,
      frames: 0,
      rawBytes: 0,
      rows: 0,
    };
  }

  /**
   * Takes a piece of the chunk that must not be cut: a row, or several whole ones. Await it before the
   * next: this is where backpressure reaches the reader. The bytes are taken over by then.
   * @param given the memory is this object's from now on: what is a block of its own needs no copy
   */
  async append(rows: Buffer, rowCount = 0, given = false): Promise<void> {
    if (!this.#chunk) throw new TypeError('no chunk is open');
    this.#ended.signal.throwIfAborted();
    this.#chunk.rows += rowCount;
    if (rows.length === 0) return;
    if (!this.#block.fits(rows)) await this.#cut();
    if (!this.#block.fits(rows)) {
      const bytes = given ? rows : Buffer.from(rows);
      return this.#enqueue({ bytes, release: () => freeMemory(bytes) });
    }
    this.#block.add(rows);
    if (this.#block.full) await this.#cut();
  }

  /** Where the chunk lies, once all of it has been handed to the upload. A chunk without rows has no frames. */
  async endChunk(): Promise<WrittenChunk> {
    const chunk = this.#chunk;
    if (!chunk) throw new TypeError('no chunk is open');
    await this.#cut();
    this.#chunk = undefined;
    this.#ended.signal.throwIfAborted();
    return new Promise((settle, reject) => {
      this.#queue.push({ end: chunk, settle, reject });
      this.#awake();
    });
  }

  /** Ends the object and waits until the store has all of it. */
  async finish(): Promise<WorkingObjectFacts> {
    if (this.#chunk) throw new TypeError('a chunk is still open');
    this.#finishing = true;
    this.#awake();
    let facts: ObjectFacts;
    try {
      facts = await this.#upload;
    } catch (error) {
      throw this.#ended.signal.aborted ? this.#ended.signal.reason : error;
    }
    if (facts.size !== this.#size)
      throw new UploadIncomplete(`${this.#key} has ${facts.size} bytes where ${this.#size} were sent`);
    return { object: this.#key, etag: facts.etag, size: facts.size, crc32: crc32Text(this.#crc) };
  }

  /** Ends the upload and waits until nothing of it is left; what runs rejects with the reason. Repeatable. */
  async abort(reason: unknown = new Error('the working object was given up')): Promise<void> {
    this.#fail(reason);
    await this.#upload.then(
      () => {},
      () => {},
    );
  }

  /** Gives it up unless it is finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#finishing) await this.abort();
  }

  async #cut(): Promise<void> {
    const block = this.#block.take();
    if (block) await this.#enqueue(block);
  }

  async #enqueue({ bytes, release }: Block): Promise<void> {
    while (!this.#ended.signal.aborted && this.#queue.length >= this.#parallel) await this.#change();
    this.#ended.signal.throwIfAborted();
    // What fails may be read on for a while, by a thread that can't be stopped: its memory is left to the collector
    const frame = this.#nextCompressor()
      .compress(bytes)
      .then((made) => {
        release();
        return made;
      });
    frame.catch(() => {});
    this.#queue.push({ frame, rawBytes: bytes.length, chunk: this.#chunk });
    this.#awake();
  }

  /** They take turns, so that blocks are compressed side by side. */
  #nextCompressor(): FrameCompressor {
    const turn = this.#frames++ % compressorsAtOnce;
    this.#compressors[turn] ??= FrameCompressor.take(this.#level);
    return this.#compressors[turn];
  }

  /** Sends what is queued, in order; what is being sent stays in the queue and counts as memory. */
  async #send(): Promise<void> {
    const { signal } = this.#ended;
    for (;;) {
      const next = this.#queue[0];
      if (signal.aborted) return;
      if (!next) {
        if (this.#finishing) break;
        await this.#change();
        continue;
      }
      if ('end' in next) next.settle(this.#written(next.end));
      else {
        const frame = await next.frame;
        if (next.chunk) account(next.chunk, frame, next.rawBytes, this.#size);
        this.#crc = crc32(frame, this.#crc);
        this.#size += frame.length;
        this.#body.write(frame);
        while (this.#body.writableNeedDrain && !signal.aborted) await this.#change();
      }
      this.#queue.shift();
      this.#awake();
    }
    this.#body.end();
    for (const compressor of this.#compressors.splice(0)) compressor.giveBack();
  }

  #closeCompressors(): void {
    for (const compressor of this.#compressors.splice(0)) compressor.close();
  }

  #written(chunk: OpenChunk): WrittenChunk {
    const { hash, offset = this.#size, length, frames, rawBytes, rows } = chunk;
    return { offset, length, frames, rawBytes, sha256: hash.digest('hex'), rows };
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake.push(resolve);
    });
  }

  #awake(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }

  #fail(reason: unknown): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#ended.signal.aborted) this.#ended.abort(reason);
    this.#body.destroy(reason instanceof Error ? reason : new Error(String(reason)));
    for (const queued of this.#queue) if ('end' in queued) queued.reject(this.#ended.signal.reason);
    this.#closeCompressors();
    this.#awake();
  }
}

function account(chunk: OpenChunk, frame: Buffer, rawBytes: number, offset: number): void {
  chunk.offset ??= offset;
  chunk.length += frame.length;
  chunk.frames += 1;
  chunk.rawBytes += rawBytes;
  chunk.hash.update(frame);
}
