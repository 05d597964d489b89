import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface XrayDaemon {
  readonly address: string;
  readonly segments: Segment[];
  stop(): void;
}

export interface Segment {
  readonly name: string;
  readonly namespace?: string;
  readonly parent_id?: string;
  readonly id: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly error?: boolean;
}

/** Takes segments as the daemon does: a header and a document, by UDP. */
export async function startXrayDaemon(): Promise<XrayDaemon> {
  const segments: Segment[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (bytes) => segments.push(JSON.parse(bytes.toString().split('\n')[1] ?? '')));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { address: `127.0.0.1:${socket.address().port}`, segments, stop: () => socket.close() };
}
