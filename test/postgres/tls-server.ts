import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { openDatabase } from '../../functions/postgres/database.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';

/** Certificates of a server; `good` and the next two are signed by `authority`. */
const certificates = ['good', 'other-name', 'expired', 'other-authority'] as const;
export type Certificate = (typeof certificates)[number];

/** Also the name on `good`, which no DNS server knows. */
export const rdsHost = 'nautobot.abcdefgh.eu-central-1.rds.amazonaws.com';

export const tlsFile = (name: string) => fileURLToPath(new URL(`tls/${name}.pem`, import.meta.url));
export const tlsText = (name: string) => readFileSync(tlsFile(name), 'utf8');

export interface TlsPostgres extends PostgresServer {
  /** From the next connection on. */
  show(certificate: Certificate): Promise<void>;
}

/** A server that speaks TLS, with a certificate that can be changed. */
export async function startTlsPostgres(): Promise<TlsPostgres> {
  const names = [...certificates, 'server-key'];
  const server = await startPostgres({
    files: Object.fromEntries(names.map((name) => [`${name}.pem`, tlsText(name)])),
  });
  const administrator = await openDatabase(`${server.url('postgres')}?sslmode=disable`);
  const show = async (certificate: Certificate) => {
    const session = await administrator.connect({ applicationName: 'certificates' });
    try {
      // Not in one message: ALTER SYSTEM wants no transaction
      await session.execute(`ALTER SYSTEM SET ssl_cert_file = '../${certificate}.pem'`);
      await session.execute("ALTER SYSTEM SET ssl_key_file = '../server-key.pem'");
      await session.execute('ALTER SYSTEM SET ssl = on');
      await session.execute('SELECT pg_reload_conf()');
    } finally {
      await session.end();
    }
    await shown(server.port, certificate);
  };
  await show('good');
  return { ...server, show };
}

/** The postmaster reloads when it comes to it. */
async function shown(port: number, certificate: Certificate): Promise<void> {
  const { serialNumber } = new X509Certificate(tlsText(certificate));
  for (let look = 0; look < 100; look++) {
    if ((await serialShown(port)) === serialNumber) return;
    await sleep(50);
  }
  throw new Error(`the server does not show the certificate ${certificate}`);
}

/** SSLRequest (PostgreSQL manual, "SSL Session Encryption"), then a handshake that believes everything. */
async function serialShown(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer.toString() !== 'S') return undefined;
    const secured = connectTls({ socket, rejectUnauthorized: false });
    await once(secured, 'secureConnect');
    return secured.getPeerX509Certificate()?.serialNumber;
  } finally {
    socket.destroy();
  }
}
