import { createHash, createHmac } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import { type Certificate, rdsHost, tlsText } from './tls-server.ts';

export interface RdsFront {
  readonly port: number;
  /** Passwords that were sent to it. */
  readonly tokens: string[];
  show(certificate: Certificate): void;
  stop(): Promise<void>;
}

export interface RdsFrontOptions {
  /** The server behind it, and the password there of whoever comes with a good token. */
  readonly port: number;
  readonly password: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
  };
  readonly region: string;
}

/**
 * IAM authentication as RDS does it: TLS, then a password in clear text, which must be a token that was signed for this
 * host, port and user within 15 minutes. Whoever has one is let through to a real server.
 */
export async function startRdsFront(options: RdsFrontOptions): Promise<RdsFront> {
  const tokens: string[] = [];
  let certificate: Certificate = 'good';
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket).catch(() => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  async function serve(socket: Socket): Promise<void> {
    await next(socket); // SSLRequest
    socket.write('S');
    const context = createSecureContext({ key: tlsText('server-key'), cert: tlsText(certificate) });
    const client = new TLSSocket(socket, { isServer: true, secureContext: context });
    client.on('error', () => socket.destroy());
    const startUp = await next(client);
    const user = /\0user\0([^\0]*)\0/.exec(startUp.toString('latin1'))?.[1] ?? '';
    client.write(Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 3])); // AuthenticationCleartextPassword
    const token = (await next(client)).subarray(5, -1).toString();
    tokens.push(token);
    const wrong = whatIsWrong(token, user, port, options);
    if (wrong !== undefined) return void client.end(failed(`PAM authentication failed for user "${user}"`));
    const real = connect(options.port, '127.0.0.1');
    real.on('error', () => client.destroy());
    real.write(startUp);
    await next(real); // AuthenticationCleartextPassword
    real.write(password(options.password));
    client.pipe(real).pipe(client);
    client.on('close', () => real.destroy());
    real.on('close', () => client.destroy());
  }

  return {
    port,
    tokens,
    show: (name) => {
      certificate = name;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function next(socket: Socket): Promise<Buffer> {
  const data = once(socket, 'data') as Promise<[Buffer]>;
  socket.resume();
  const [bytes] = await data;
  socket.pause();
  return bytes;
}

function password(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.alloc(5, 'p');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function failed(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C28000\0M${message}\0\0`);
  const head = Buffer.alloc(5, 'E');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** AWS General Reference, "Signature Version 4", with the query string holding the signature. */
function whatIsWrong(
  token: string,
  user: string,
  port: number,
  options: RdsFrontOptions,
): string | undefined {
  const { credentials, region } = options;
  const host = `${rdsHost}:${port}`;
  if (!token.startsWith(`${host}/?`)) return 'host';
  const url = new URL(`https://${token}`);
  const query = url.searchParams;
  if (query.get('Action') !== 'connect' || query.get('DBUser') !== user) return 'user';
  const at = query.get('X-Amz-Date') ?? '';
  const signed = Date.parse(at.replace(/^(....)(..)(..T..)(..)/, '$1-$2-$3:$4:'));
  const age = (Date.now() - signed) / 1000;
  if (!(Number(query.get('X-Amz-Expires')) === 900 && age > -5 && age < 900)) return 'time';
  if (query.get('X-Amz-Security-Token') !== credentials.sessionToken) return 'session token';
  const scope = `${at.slice(0, 8)}/${region}/rds-db/aws4_request`;
  if (query.get('X-Amz-Credential') !== `${credentials.accessKeyId}/${scope}`) return 'credential';
  const canonicalQuery = [...query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => `${escaped(name)}=${escaped(value)}`)
    .sort()
    .join('&');
  const request = ['GET', '/', canonicalQuery, `host:${host}`, '', 'host', digest('')].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', at, scope, digest(request)].join('\n');
  const key = [at.slice(0, 8), region, 'rds-db', 'aws4_request'].reduce<Buffer>(
    (secret, part) => createHmac('sha256', secret).update(part).digest(),
    Buffer.from(`AWS4${credentials.secretAccessKey}`),
  );
  const signature = createHmac('sha256', key).update(toSign).digest('hex');
  return query.get('X-Amz-Signature') === signature ? undefined : 'signature';
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
const escaped = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
