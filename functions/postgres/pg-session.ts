import type { Client, Submittable as DriverQuery } from 'pg';
import { CopyIn } from './copy-in.ts';
import { CopyOut } from './copy-out.ts';
import { ConnectionLost, StatementFailed } from './errors.ts';
import type { CopyRows, Row, Session, TakenOverConnection } from './session.ts';
import type { PgConnection } from './wire.ts';

/** `Session` on the driver's client. */
export class PgSession implements Session {
  readonly #client: Client;
  readonly #parameters = new Map<string, string>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => this.#connection.stream.destroy();
  #gone: unknown;
  #taken = false;
  serverVersion = 0;

  constructor(client: Client, signal: AbortSignal | undefined) {
    this.#client = client;
    this.#signal = signal;
    client.on('error', (error) => {
      this.#gone ??= error;
    });
    this.#connection.on('parameterStatus', (message: { parameterName: string; parameterValue: string }) => {
      this.#parameters.set(message.parameterName, message.parameterValue);
    });
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /** Called once, after the driver has connected. */
  async begin(): Promise<void> {
    const [row] = await this.query<{ version: string }>(
      "SELECT pg_catalog.current_setting('server_version_num') AS version",
    );
    this.serverVersion = Number(row?.version);
  }

  get processId(): number {
    return (this.#client as Client & { processID: number }).processID;
  }

  get #connection(): PgConnection {
    return (this.#client as unknown as { connection: PgConnection }).connection;
  }

  async query<T extends Row = Row>(sql: string, parameters?: readonly unknown[]): Promise<T[]> {
    return this.#run(sql, async () => {
      const result = await this.#client.query(sql, parameters ? [...parameters] : undefined);
      return (Array.isArray(result) ? result.at(-1).rows : result.rows) as T[];
    });
  }

  async execute(sql: string): Promise<void> {
    await this.#run(sql, async () => {
      await this.#client.query(sql);
    });
  }

  copyOut(sql: string, options: { readonly lent?: boolean } = {}): CopyRows {
    this.#checkUsable();
    const copy = new CopyOut(sql, (error) => this.#explain(error, sql), options.lent);
    this.#client.query(copy as unknown as DriverQuery);
    return copy;
  }

  async copyIn(sql: string, rows: AsyncIterable<Buffer>): Promise<number> {
    return this.#run(sql, () => {
      const copy = new CopyIn(sql, rows);
      this.#client.query(copy as unknown as DriverQuery);
      return copy.done;
    });
  }

  takeOver(): TakenOverConnection {
    this.#checkUsable();
    const connection = this.#connection;
    const socket = connection.stream;
    this.#taken = true;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    socket.removeAllListeners();
    connection.removeAllListeners();
    const client = this.#client as Client & { processID: number; secretKey: number };
    return {
      socket,
      parameters: this.#parameters,
      processId: client.processID,
      secretKey: client.secretKey,
    };
  }

  async end(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (this.#taken) return;
    const stream = this.#connection.stream;
    // A server that doesn't answer must not hold us: Terminate is sent, then the socket goes
    const patience = setTimeout(() => stream.destroy(), 2_000);
    await this.#client.end().catch(() => {});
    clearTimeout(patience);
    stream.destroy();
  }

  async #run<T>(sql: string, work: () => Promise<T>): Promise<T> {
    this.#checkUsable();
    try {
      return await work();
    } catch (error) {
      throw this.#explain(error, sql);
    }
  }

  #checkUsable(): void {
    this.#signal?.throwIfAborted();
    if (this.#taken) throw new TypeError('this session was taken over');
    if (this.#gone) throw this.#explain(this.#gone, '');
  }

  #explain(error: unknown, sql: string): unknown {
    if (this.#signal?.aborted) return this.#signal.reason;
    if (!(error instanceof Error)) return error;
    if ('severity' in error && 'code' in error) {
      const server = error as Error & {
        code: string;
        severity: string;
        detail?: string;
        hint?: string;
        position?: string;
      };
      // 57P01..57P03: terminated or shutting down; the class of 08 is about connections
      if (/^(57P0[1-5]|08)/.test(server.code) || server.severity === 'FATAL')
        return new ConnectionLost(`the server ended the connection: ${server.message}`, { cause: error });
      const more = [server.detail, server.hint].filter(Boolean).join('; ');
      return new StatementFailed(
        `${server.message}${more ? ` (${more})` : ''} in: ${brief(sql)}`,
        server.code,
        {
          cause: error,
          position: server.position === undefined ? undefined : Number(server.position),
        },
      );
    }
    if ('code' in error || /terminated|not queryable|Connection/.test(error.message)) {
      if (error.name !== 'Error' && error.name !== 'TypeError') return error;
      return new ConnectionLost(`the connection to PostgreSQL was lost: ${error.message}`, { cause: error });
    }
    return error;
  }
}

function brief(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
