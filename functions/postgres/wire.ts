import type { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';

/** What COPY needs of the driver's connection object. */
export interface PgConnection extends EventEmitter {
  readonly stream: Socket;
  query(sql: string): void;
  endCopyFrom(): void;
  sendCopyFail(message: string): void;
}

/** A query that the driver queues and tells of its messages (node-postgres, "Submittable"). */
export interface Submittable {
  submit(connection: PgConnection): void;
  handleError(error: Error): void;
  handleReadyForQuery(): void;
  handleCommandComplete(message: { text: string }): void;
  handleCopyInResponse(connection: PgConnection): void;
  handleCopyData(): void;
  handleRowDescription(): void;
  handleDataRow(): void;
  handleEmptyQuery(): void;
  handlePortalSuspended(): void;
}

/** `COPY 42` */
export function rowsOfTag(tag: string): number {
  return Number(/ (\d+)$/.exec(tag)?.[1] ?? Number.NaN);
}
