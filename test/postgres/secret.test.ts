import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { openDatabase } from '../../functions/postgres/database.ts';
import { quoteIdentifier } from '../../functions/postgres/quote.ts';
import { urlOfSecret } from '../../functions/postgres/secret.ts';
import { type FreshDatabase, freshDatabase, freshRole, superuserSession } from '../servers/fresh-database.ts';
import { type SecretsServer, startSecrets } from '../servers/secrets-server.ts';

const arn = 'arn:aws:secretsmanager:eu-central-1:111111111111:secret:rds!db-1234-AbCdEf';
let manager: SecretsServer;
let database: FreshDatabase;

beforeAll(async () => {
  [manager, database] = await Promise.all([startSecrets(), freshDatabase()]);
});
beforeEach(() => {
  const all = { ...manager.env, AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y', AWS_REGION: 'us-east-1' };
  for (const [name, value] of Object.entries(all)) vi.stubEnv(name, value);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await manager.stop();
  await database.drop();
});

const rds = {
  engine: 'postgres',
  host: 'db.example',
  port: 5433,
  username: 'nauto/bot',
  password: 'p@ss:w/rd%',
  dbname: 'nautobot',
  dbInstanceIdentifier: 'nautobot',
};

it('reads a secret of the shape that RDS makes', async () => {
  manager.secrets.set(arn, JSON.stringify(rds));
  expect(await urlOfSecret(`secretsmanager://${arn}`)).toBe(
    'postgres://nauto%2Fbot:p%40ss%3Aw%2Frd%25@db.example:5433/nautobot?',
  );
  expect(await urlOfSecret(`secretsmanager://${arn}?dbname=other&sslmode=verify-full`)).toBe(
    'postgres://nauto%2Fbot:p%40ss%3Aw%2Frd%25@db.example:5433/other?sslmode=verify-full',
  );
});

it('takes the host from the URL where RDS manages the secret, which has name and password only', async () => {
  manager.secrets.set(arn, JSON.stringify({ username: 'a', password: 'b' }));
  expect(await urlOfSecret(`secretsmanager://${arn}?host=db.example`)).toBe(
    'postgres://a:b@db.example:5432/nautobot?',
  );
  await expect(urlOfSecret(`secretsmanager://${arn}`)).rejects.toMatchObject({
    name: 'SecretUnusable',
    message: expect.stringContaining('?host='),
  });
});

it('says what is wrong with a secret, and never what is in it', async () => {
  manager.secrets.set(arn, JSON.stringify({ username: 'a', token: 's3cr3t' }));
  const wrong = await urlOfSecret(`secretsmanager://${arn}`).catch((error: Error) => error);
  expect(wrong).toMatchObject({ name: 'SecretUnusable', message: expect.stringContaining('password') });
  expect(String(wrong)).not.toContain('s3cr3t');
  await expect(urlOfSecret('secretsmanager://nowhere')).rejects.toMatchObject({
    name: 'SecretUnusable',
    message: expect.stringContaining('ResourceNotFoundException'),
  });
});

it('is read again when it was rotated in the middle of a run', async () => {
  const role = await freshRole({ password: 'first' });
  const url = new URL(database.url);
  const secret = (password: string) =>
    JSON.stringify({ ...rds, host: url.hostname, port: Number(url.port), username: role.name, password });
  manager.secrets.set(arn, secret('first'));
  const opened = await openDatabase(`secretsmanager://${arn}?dbname=${database.name}`);
  const connect = async () => (await opened.connect({ applicationName: 'rotated' })).end();
  await connect();

  const administrator = await superuserSession();
  await administrator.execute(`ALTER ROLE ${quoteIdentifier(role.name)} PASSWORD 'second'`);
  await administrator.end();
  await expect(connect()).rejects.toMatchObject({ name: 'LoginRefused' });
  manager.secrets.set(arn, secret('second'));
  await connect();
  const asked = manager.asked.length;
  await connect();
  expect(manager.asked).toHaveLength(asked);
});
