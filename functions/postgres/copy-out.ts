import { isLending } from './lending-socket.ts';
import type { CopyRows } from './session.ts';
import { type PgConnection, rowsOfTag, type Submittable } from './wire.ts';

/** Bytes, and reads, that may wait for the reader before the socket is paused. */
const highWater = 1024 * 1024;
const mostWaiting = 8;
/**
 * A server sends 8 KiB at a time, and each time wakes whoever waits for it. After a read that brought little the next
 * one is put off until more has come together, so that a gigabyte is thousands of reads and not tens of thousands.
 */
const littleBytes = 64 * 1024;
const restMs = 1;
/** Short results are not kept waiting. */
const unhurriedBytes = 512 * 1024;
const copyData = 0x64;
const readyForQuery = 0x5a;

interface Slice {
  readonly bytes: Buffer;
  /** What it lies in, to be given back to the socket. */
  readonly memory: Buffer | undefined;
  /** A CopyData message is a row: bytes of it that come later. */
  readonly missing: number;
}

/**
 * `COPY … TO STDOUT`: stands between the socket and the driver's parser, takes the payload of CopyData messages out
 * (PostgreSQL manual, "Message Formats") and hands every other message on, whole. Payloads of one socket read are
 * moved together in place, so that a row costs no allocation; where the socket lends its memory, a read doesn't either.
 */
export class CopyOut implements Submittable, CopyRows {
  rows: number | undefined;
  missing = 0;
  readonly #sql: string;
  readonly #explain: (error: unknown) => unknown;
  readonly #lent: boolean;
  readonly #waiting: Slice[] = [];
  #waitingBytes = 0;
  #delivered = 0;
  #resting: NodeJS.Timeout | undefined;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #connection: PgConnection | undefined;
  #driverListeners: ((data: Buffer) => void)[] = [];
  readonly #onData = (data: Buffer, memory?: Buffer) => this.#receive(data, memory);
  readonly #onClose = () => this.handleError(new Error('Connection terminated unexpectedly'));

  /** What is left of the payload of a CopyData message whose beginning has been read. */
  #payloadLeft = 0;
  /** The beginning of a message that isn't whole yet: a header, or a message for the driver. */
  #partial: Buffer | undefined;

  /** @param lent slices are the reader's until it asks for the next one; else for good */
  constructor(sql: string, explain: (error: unknown) => unknown, lent = false) {
    this.#sql = sql;
    this.#explain = explain;
    this.#lent = lent;
  }

  submit(connection: PgConnection): void {
    this.#connection = connection;
    const { stream } = connection;
    this.#driverListeners = stream.listeners('data') as ((data: Buffer) => void)[];
    stream.removeAllListeners('data');
    if (isLending(stream)) stream.lend(this.#onData);
    else stream.on('data', this.#onData);
    stream.once('close', this.#onClose);
    connection.query(this.#sql);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    let finished = false;
    try {
      while (true) {
        const next = this.#waiting.shift();
        if (next) {
          this.#waitingBytes -= next.bytes.length;
          this.#readOn();
          this.missing = next.missing;
          yield next.bytes;
          this.#giveBack(next.memory);
        } else if (this.#error !== undefined) {
          finished = true;
          throw this.#explain(this.#error);
        } else if (this.#ended) {
          finished = true;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      if (!finished && !this.#ended) this.#connection?.stream.destroy();
    }
  }

  #readOn(): void {
    if (!this.#full && !this.#resting) this.#connection?.stream.resume();
  }

  #rest(): void {
    this.#connection?.stream.pause();
    this.#resting ??= setTimeout(() => {
      this.#resting = undefined;
      this.#readOn();
    }, restMs);
  }

  get #full(): boolean {
    return this.#waitingBytes >= highWater || this.#waiting.length >= mostWaiting;
  }

  #receive(data: Buffer, memory: Buffer | undefined): void {
    let read = 0;
    let kept = 0;
    while (read < data.length) {
      if (this.#payloadLeft > 0) {
        const length = Math.min(this.#payloadLeft, data.length - read);
        if (kept !== read) data.copyWithin(kept, read, read + length);
        kept += length;
        read += length;
        this.#payloadLeft -= length;
        continue;
      }
      const header = this.#header(data, read);
      if (!header) {
        this.#keepPartial(data.subarray(read));
        break;
      }
      if (header.type === copyData) {
        read += 5 - (this.#partial?.length ?? 0);
        this.#partial = undefined;
        this.#payloadLeft = header.length - 4;
        continue;
      }
      const have = this.#partial?.length ?? 0;
      const missing = header.length + 1 - have;
      if (data.length - read < missing) {
        this.#keepPartial(data.subarray(read));
        break;
      }
      const rest = data.subarray(read, read + missing);
      const message = Buffer.concat(this.#partial ? [this.#partial, rest] : [rest]);
      this.#partial = undefined;
      read += missing;
      if (header.type === readyForQuery) {
        const rest = Buffer.from(data.subarray(read));
        this.#deliver(data.subarray(0, kept), memory);
        this.#handBack(message, rest);
        return;
      }
      for (const listener of this.#driverListeners) listener(message);
    }
    this.#deliver(data.subarray(0, kept), memory);
  }

  /** Type and length of the message that begins with `#partial` and goes on at `at`; undefined until five bytes are there. */
  #header(data: Buffer, at: number): { type: number; length: number } | undefined {
    const begun = this.#partial;
    if (!begun) {
      if (data.length - at < 5) return undefined;
      return { type: data[at] as number, length: data.readUInt32BE(at + 1) };
    }
    const head = begun.length >= 5 ? begun : Buffer.concat([begun, data.subarray(at, at + 5 - begun.length)]);
    if (head.length < 5) return undefined;
    return { type: head[0] as number, length: head.readUInt32BE(1) };
  }

  #keepPartial(rest: Buffer): void {
    this.#partial = this.#partial ? Buffer.concat([this.#partial, rest]) : Buffer.from(rest);
  }

  #deliver(bytes: Buffer, memory: Buffer | undefined): void {
    const keep = this.#lent && bytes.length > 0;
    const missing = this.#payloadLeft;
    if (bytes.length > 0) {
      this.#waiting.push(
        keep || !memory
          ? { bytes, memory, missing }
          : { bytes: Buffer.from(bytes), memory: undefined, missing },
      );
      this.#waitingBytes += bytes.length;
    }
    if (!keep) this.#giveBack(memory);
    this.#delivered += bytes.length;
    if (this.#full) this.#connection?.stream.pause();
    else if (keep && bytes.length < littleBytes && this.#delivered > unhurriedBytes) this.#rest();
    this.#wake?.();
  }

  #giveBack(memory: Buffer | undefined): void {
    const stream = this.#connection?.stream;
    if (memory && stream && isLending(stream)) stream.giveBack(memory);
  }

  #handBack(message: Buffer, rest: Buffer): void {
    this.#detach();
    const connection = this.#connection;
    for (const listener of this.#driverListeners) {
      connection?.stream.on('data', listener);
      listener(message);
      if (rest.length > 0) listener(rest);
    }
    connection?.stream.resume();
  }

  #detach(): void {
    clearTimeout(this.#resting);
    this.#resting = undefined;
    const stream = this.#connection?.stream;
    if (stream && isLending(stream)) stream.lend(undefined);
    else stream?.off('data', this.#onData);
    this.#connection?.stream.off('close', this.#onClose);
  }

  handleCommandComplete(message: { text: string }): void {
    this.rows = rowsOfTag(message.text);
  }

  handleReadyForQuery(): void {
    this.#ended = true;
    this.#wake?.();
  }

  handleError(error: Error): void {
    this.#error ??= error;
    this.#wake?.();
  }

  handleCopyInResponse(connection: PgConnection): void {
    connection.sendCopyFail('a COPY FROM where a COPY TO was meant');
  }
  handleCopyData(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
