import { z } from 'zod';
import { SecretUnusable } from './secret-errors.ts';
import { secretScheme, secretText } from './secret-text.ts';

/**
 * The shape that RDS makes (Secrets Manager user guide, "JSON structure of database secrets"). One that RDS manages
 * for a master user has name and password only.
 */
const DatabaseSecret = z.object({
  host: z.string().optional(),
  port: z.coerce.number().default(5432),
  username: z.string(),
  password: z.string(),
  dbname: z.string().optional(),
});

/**
 * Fetches `secretsmanager://<secret id>[?host=…&port=…&dbname=…&sslmode=…]` and writes it as a PostgreSQL URL, in
 * memory only. What the query says counts before what the secret says.
 * @throws SecretUnusable
 */
export async function urlOfSecret(reference: string): Promise<string> {
  const [encoded = '', query = ''] = reference.slice(secretScheme.length).split('?');
  const id = decodeURIComponent(encoded);
  const text = await secretText(id);
  if (/^postgres(ql|-iam)?:\/\//.test(text)) return text;
  const secret = DatabaseSecret.safeParse(jsonOf(text));
  if (!secret.success)
    throw new SecretUnusable(
      `the secret ${id} is neither a PostgreSQL URL nor JSON as RDS makes it (${secret.error.issues.map(({ path }) => path.join('.') || 'no JSON').join(', ')})`,
    );
  const parameters = new URLSearchParams(query);
  const take = (name: string) => {
    const value = parameters.get(name);
    parameters.delete(name);
    return value ?? undefined;
  };
  const { username, password } = secret.data;
  const host = take('host') ?? secret.data.host;
  const port = take('port') ?? secret.data.port;
  const database = take('dbname') ?? secret.data.dbname ?? 'nautobot';
  if (host === undefined)
    throw new SecretUnusable(
      `the secret ${id} does not say where the database is: write ${secretScheme}${encoded}?host=…`,
    );
  const login = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
  const at = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  return `postgres://${login}@${at}:${port}/${encodeURIComponent(database)}?${parameters}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
