import { once } from 'node:events';
import { type PgConnection, rowsOfTag, type Submittable } from './wire.ts';

/** Larger slices become several CopyData messages: the server reads a message whole before it parses it. */
const messageBytes = 1024 * 1024;

/** `COPY … FROM STDIN`: slices go to the socket as they are, behind a header of five bytes each. */
export class CopyIn implements Submittable {
  readonly done: Promise<number>;
  readonly #sql: string;
  readonly #rows: AsyncIterable<Buffer>;
  #resolve!: (rows: number) => void;
  #reject!: (error: unknown) => void;
  #counted = Number.NaN;
  #serverError: Error | undefined;
  #feedError: unknown;
  readonly #stopped = new AbortController();

  constructor(sql: string, rows: AsyncIterable<Buffer>) {
    this.#sql = sql;
    this.#rows = rows;
    this.done = new Promise<number>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: PgConnection): void {
    connection.query(this.#sql);
  }

  handleCopyInResponse(connection: PgConnection): void {
    void this.#feed(connection);
  }

  async #feed(connection: PgConnection): Promise<void> {
    try {
      for await (const slice of this.#rows) {
        for (let at = 0; at < slice.length; at += messageBytes) {
          if (this.#stopped.signal.aborted) return;
          const part = slice.subarray(at, at + messageBytes);
          const header = Buffer.allocUnsafe(5);
          header[0] = 0x64;
          header.writeUInt32BE(part.length + 4, 1);
          connection.stream.cork();
          connection.stream.write(header);
          const room = connection.stream.write(part);
          connection.stream.uncork();
          if (!room) await once(connection.stream, 'drain', { signal: this.#stopped.signal });
        }
        if (this.#stopped.signal.aborted) return;
      }
      connection.endCopyFrom();
    } catch (error) {
      if (this.#stopped.signal.aborted) return;
      this.#feedError = error;
      connection.sendCopyFail('the rows could not be read');
    }
  }

  handleCommandComplete(message: { text: string }): void {
    this.#counted = rowsOfTag(message.text);
  }

  handleReadyForQuery(): void {
    this.#stopped.abort();
    this.#resolve(this.#counted);
  }

  /** The driver forgets the query here; ReadyForQuery still follows and lets the next one start. */
  handleError(error: Error): void {
    this.#stopped.abort();
    this.#serverError = error;
    this.#reject(this.#feedError ?? this.#serverError);
  }

  handleCopyData(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
