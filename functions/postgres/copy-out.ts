import type { CopyRows } from './session.ts';
import { type PgConnection, rowsOfTag, type Submittable } from './wire.ts';

/** Bytes that may wait for the reader before the socket is paused. */
const highWater = 1024 * 1024;
const copyData = 0x64;
const readyForQuery = 0x5a;

/**
 * `COPY … TO STDOUT`: stands between the socket and the driver's parser, takes the payload of CopyData messages out
 * (PostgreSQL manual, "Message Formats") and hands every other message on, whole. Payloads of one socket read are
 * moved together in place, so that a row costs no allocation.
 */
export class CopyOut implements Submittable, CopyRows {
  rows: number | undefined;
  readonly #sql: string;
  readonly #explain: (error: unknown) => unknown;
  readonly #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #ended = false;
  #error: unknown;
  #wake: (() => void) | undefined;
  #connection: PgConnection | undefined;
  #driverListeners: ((data: Buffer) => void)[] = [];
  readonly #onData = (data: Buffer) => this.#receive(data);
  readonly #onClose = () => this.handleError(new Error('Connection terminated unexpectedly'));

  /** What is left of the payload of a CopyData message whose beginning has been read. */
  #payloadLeft = 0;
  /** The beginning of a message that isn't whole yet: a header, or a message for the driver. */
  #partial: Buffer | undefined;

  constructor(sql: string, explain: (error: unknown) => unknown) {
    this.#sql = sql;
    this.#explain = explain;
  }

  submit(connection: PgConnection): void {
    this.#connection = connection;
    const { stream } = connection;
    this.#driverListeners = stream.listeners('data') as ((data: Buffer) => void)[];
    stream.removeAllListeners('data');
    stream.on('data', this.#onData);
    stream.once('close', this.#onClose);
    connection.query(this.#sql);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    let finished = false;
    try {
      while (true) {
        const slice = this.#waiting.shift();
        if (slice) {
          this.#waitingBytes -= slice.length;
          if (this.#waitingBytes < highWater) this.#connection?.stream.resume();
          yield slice;
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

  #receive(data: Buffer): void {
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
        this.#deliver(data.subarray(0, kept));
        this.#handBack(message, data.subarray(read));
        return;
      }
      for (const listener of this.#driverListeners) listener(message);
    }
    this.#deliver(data.subarray(0, kept));
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

  #deliver(slice: Buffer): void {
    if (slice.length === 0) return;
    this.#waiting.push(slice);
    this.#waitingBytes += slice.length;
    if (this.#waitingBytes >= highWater) this.#connection?.stream.pause();
    this.#wake?.();
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
    this.#connection?.stream.off('data', this.#onData);
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
