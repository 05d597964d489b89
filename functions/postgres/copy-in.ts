import { type PgConnection, rowsOfTag, type Submittable } from './wire.ts';

/** Larger slices become several CopyData messages: the server reads a message whole before it parses it. */
const messageBytes = 1024 * 1024;

/**
 * `COPY … FROM STDIN`: slices go to the socket as they are, behind a header of five bytes each. The next slice is asked
 * for when the system has taken all of the one before, so that its memory may be used again by then; what the sockets
 * of both sides hold keeps the server busy meanwhile.
 */
export class CopyIn implements Submittable {
  readonly done: Promise<number>;
  readonly #sql: string;
  readonly #rows: AsyncIterable<Buffer>;
  #resolve!: (rows: number) => void;
  #reject!: (error: unknown) => void;
  #counted = Number.NaN;
  #serverError: Error | undefined;
  #feedError: unknown;
  #stopped = false;

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
          if (this.#stopped) return;
          await this.#send(connection, slice.subarray(at, at + messageBytes));
        }
        if (this.#stopped) return;
      }
      connection.endCopyFrom();
    } catch (error) {
      if (this.#stopped) return;
      this.#feedError = error;
      connection.sendCopyFail('the rows could not be read');
    }
  }

  /** Settles when nothing reads the part any more. A connection that is lost shows as `handleError`. */
  #send({ stream }: PgConnection, part: Buffer): Promise<void> {
    const header = Buffer.allocUnsafe(5);
    header[0] = 0x64;
    header.writeUInt32BE(part.length + 4, 1);
    return new Promise((resolve) => {
      stream.cork();
      stream.write(header);
      stream.write(part, (error) => {
        if (error || stream.destroyed) this.#stopped = true;
        resolve();
      });
      stream.uncork();
    });
  }

  handleCommandComplete(message: { text: string }): void {
    this.#counted = rowsOfTag(message.text);
  }

  handleReadyForQuery(): void {
    this.#stopped = true;
    this.#resolve(this.#counted);
  }

  /** The driver forgets the query here; ReadyForQuery still follows and lets the next one start. */
  handleError(error: Error): void {
    this.#stopped = true;
    this.#serverError = error;
    this.#reject(this.#feedError ?? this.#serverError);
  }

  handleCopyData(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
}
