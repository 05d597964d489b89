import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Stands before a server, and goes away as one does that fails over. */
export interface ServerFront {
  /** The URL that leads through it to the same database. */
  through(url: string): string;
  /** Ends every connection, and refuses new ones for that long. */
  goAwayFor(milliseconds: number): void;
  stop(): Promise<void>;
}

export async function startFront(behind: {
  readonly host: string;
  readonly port: number;
}): Promise<ServerFront> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const real = connect(behind.port, behind.host);
    for (const [socket, other] of [
      [client, real],
      [real, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    client.pipe(real).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return {
    through(url) {
      const other = new URL(url);
      other.host = `127.0.0.1:${port}`;
      return other.href;
    },
    goAwayFor(milliseconds) {
      close();
      setTimeout(() => server.listen(port, '127.0.0.1'), milliseconds);
    },
    async stop() {
      close();
      await once(server, 'close').catch(() => {});
    },
  };
}
