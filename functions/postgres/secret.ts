import { z } from 'zod';
import { errorOf } from '../errors/replicator-error.ts';

export class SecretUnusable extends errorOf({
  code: 'SecretUnusable',
  exitCode: 2,
  meaning:
    'A secretsmanager:// URL names a secret that is missing, not readable or not of the shape that RDS makes.',
}) {}

/** The shape that RDS makes (Secrets Manager user guide, "JSON structure of database secrets"). */
const DatabaseSecret = z.object({
  host: z.string(),
  port: z.coerce.number().default(5432),
  username: z.string(),
  password: z.string(),
  dbname: z.string().optional(),
});

/**
 * Fetches `secretsmanager://<secret id>[?dbname=…&sslmode=…]` and writes it as a PostgreSQL URL, in memory only.
 * @throws SecretUnusable
 */
export async function urlOfSecret(reference: string): Promise<string> {
  const [id = '', query = ''] = reference.slice('secretsmanager://'.length).split('?');
  const { SecretsManagerClient, GetSecretValueCommand } = await import('@aws-sdk/client-secrets-manager');
  const text = await new SecretsManagerClient({})
    .send(new GetSecretValueCommand({ SecretId: decodeURIComponent(id) }))
    .then((answer) => answer.SecretString ?? '')
    .catch((cause: unknown) => {
      const why = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new SecretUnusable(`the secret ${id} can't be read (${why})`, { cause });
    });
  if (/^postgres(ql)?:\/\//.test(text)) return text;
  const secret = DatabaseSecret.safeParse(jsonOf(text));
  if (!secret.success)
    throw new SecretUnusable(
      `the secret ${id} lacks ${secret.error.issues.map((issue) => issue.path.join('.')).join(', ')}`,
    );
  const { host, port, username, password, dbname } = secret.data;
  const parameters = new URLSearchParams(query);
  const database = parameters.get('dbname') ?? dbname ?? 'nautobot';
  parameters.delete('dbname');
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${host}:${port}/${encodeURIComponent(database)}?${parameters}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
