import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inject } from 'vitest';

const denied =
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>';

/** A way to the shared S3 server on which everything that writes is answered as a policy without PutObject does. */
export async function readOnlyS3(): Promise<{ endpoint: string; close(): void }> {
  const upstream = new URL(inject('servers').s3.endpoint);
  const server = createServer((incoming, outgoing) => {
    if (incoming.method !== 'GET' && incoming.method !== 'HEAD') {
      incoming.resume();
      outgoing.writeHead(403, { 'content-type': 'application/xml' }).end(denied);
      return;
    }
    // The host stays what the client signed
    const { method, url, headers } = incoming;
    const forwarded = request(
      { host: upstream.hostname, port: upstream.port, method, path: url, headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, close: () => server.close() };
}
