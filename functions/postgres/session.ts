import type { Socket } from 'node:net';
import type { PostgresAddress } from './address.ts';

export type Row = Record<string, unknown>;

/** A connected socket after start-up, handed over to whoever speaks the protocol from here on. */
export interface TakenOverConnection {
  /** Plain or TLS; authenticated, ReadyForQuery received, nothing unread. */
  readonly socket: Socket;
  /** ParameterStatus values that the server sent. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly processId: number;
  readonly secretKey: number;
}

/** The bytes of one COPY … TO STDOUT, to be read once. */
export interface CopyRows extends AsyncIterable<Buffer> {
  /** Rows that the server says it sent; undefined until the loop has ended. */
  readonly rows: number | undefined;
  /** Bytes to come of the row that the last slice ends in; undefined where that is not known. */
  readonly missing?: number | undefined;
}

/**
 * One connection to PostgreSQL; the smallest interface that this project needs of the driver.
 *
 * Contract: statements run one after another. A lost connection rejects what is running and everything after it with
 * `ConnectionLost`. Server errors reject with `StatementFailed`, which carries SQLSTATE as `sqlState`.
 * Values arrive as text for types without a natural JavaScript value (int8 and numeric are strings), timestamps as text.
 */
export interface Session {
  readonly processId: number;
  /** `150018` */
  readonly serverVersion: number;
  /** Rows of one statement; `$1` parameters go by the extended protocol. */
  query<T extends Row = Row>(sql: string, parameters?: readonly unknown[]): Promise<T[]>;
  /** One or many statements by the simple protocol (many are one transaction); no rows come back. */
  execute(sql: string): Promise<void>;
  /**
   * Runs `COPY … TO STDOUT` and yields its bytes as they arrive, in slices that may begin and end anywhere in a row.
   * Backpressure reaches the server's socket. Leaving the loop early ends the connection.
   * @param options `lent`: a slice may be looked at until the next one is asked for, and not after; saves a copy
   */
  copyOut(sql: string, options?: { readonly lent?: boolean }): CopyRows;
  /**
   * Runs `COPY … FROM STDIN` with the bytes given. A slice is read until the next one is asked for, and not after.
   * When `rows` throws, the COPY is failed (CopyFail) and the throw is passed on.
   * @returns rows that the server counted
   */
  copyIn(sql: string, rows: AsyncIterable<Buffer>): Promise<number>;
  /** The connection leaves the driver: the session can't be used any more, the caller must end the socket. */
  takeOver(): TakenOverConnection;
  /** Closes the connection; never throws. An open transaction is rolled back by the server. */
  end(): Promise<void>;
}

export interface SessionOptions {
  /** At most 63 bytes; how runs find their own sessions. */
  readonly applicationName: string;
  /** Database in place of the address's. */
  readonly database?: string;
  /** Start-up parameters (`-c name=value`), in force before the first transaction: a rollback cannot undo them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Ends the session at once (the socket is destroyed); what runs rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Where sessions come from. One for the source, one for the target. */
export interface Database {
  readonly address: PostgresAddress;
  connect(options: SessionOptions): Promise<Session>;
}
